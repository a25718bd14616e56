"""A whole recipe on made-up sounds, small enough to run many times: both forks of `feats`."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from made_up import ROOT

SYSTEMS = {
    "fbank_mhfa": """
feats: cached
upstream: fbank
model: mhfa
model_conf: {layers: 1, dim: 240, heads: 4, compression: 16, embedding: 16}
crop: {train: random, test: full, seconds: 0.8, pad: none}
epochs: 4
batch_size: 8
""",
    "wave_cnn": """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 8, 16, 32]}
crop: {train: random, test: centre, seconds: 0.6, pad: tile}
epochs: 4
batch_size: 8
optimizer_conf: {lr: 3e-3}
""",
}
PREPARE = f"""
import argparse
import sys
sys.path.append({str(ROOT / "tests/helpers")!r})
from antispoof.errors import one_line_errors
from sounds import make_data

parser = argparse.ArgumentParser()
for name in ("--out", "--corpus", "--nj"):
    parser.add_argument(name)
options = parser.parse_args()
with one_line_errors("local/prepare_data.py"):
    make_data(options.out, options.corpus)
"""
# A worker in the recipe's own folder comes before that of the root. This one is the root's, and
# notes every file of the recipe, or config of the root, that it opens to read.
NOTING = """
import os, runpy, sys

def note(event, found):
    if event == "open" and isinstance(found[0], (str, bytes)) and set(str(found[1])) <= set("rbtU"):
        path = os.path.abspath(os.fsdecode(found[0]))
        if path.startswith((here, "{root}/conf/")):
            opened[path.removeprefix(here)] = None

opened, here, own = {{}}, os.getcwd() + os.sep, os.getpid()
sys.addaudithook(note)
try:
    runpy.run_path("{root}/{program}", run_name="__main__")
finally:
    if os.getpid() == own:
        with open("opened", "a") as stream:
            lines = ["# {program} " + " ".join(sys.argv[1:]), *opened]
            stream.write("".join(line + "\\n" for line in lines))
"""
STAGES = range(1, 7)
OUTPUTS = ("result.json", "scores", "best.pt", "curve.csv", "utt2sum", "calibration.json", "*.yaml")


@dataclass
class Recipe:
    """A recipe folder and the corpus that it is run on."""

    folder: Path
    corpus: Path

    def write(self):
        for name, text in SYSTEMS.items():
            self.file(f"conf/train_{name}.yaml").write_text(text)
        self.file("conf/rank.yaml").write_text("in_domain: [eval_known]\nout_of_domain: [eval]\n")
        self.file("local/prepare_data.py").write_text(PREPARE)
        return self

    def noting(self):
        """Have each worker note in `opened` what it reads."""
        for path in [*ROOT.glob("steps/*.py"), ROOT / "utils/validate_data_dir.py"]:
            program = path.relative_to(ROOT)
            self.file(program).write_text(NOTING.format(root=ROOT, program=program))
        return self

    def file(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def command(self, *options):
        fixed = ["--recipe-dir", self.folder, "--systems", " ".join(SYSTEMS), "--device", "cpu"]
        return [str(word) for word in (ROOT / "run.sh", *fixed, "--corpus", self.corpus, *options)]

    def run(self, *options, before=()):
        """Run stages to their end; returns (status, stdout, stderr)."""
        command = [*map(str, before), *self.command(*options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
        return done.returncode, done.stdout, done.stderr

    def kill(self, seconds, *options):
        """Start stages, and kill the whole process group after `seconds`."""
        process = subprocess.Popen(
            self.command(*options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def outputs(self):
        """{name: bytes} of all that must not depend on what happened on the way."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for pattern in OUTPUTS
            for path in sorted(self.folder.rglob(pattern))
        }


def only(stage):
    return ["--stage", stage, "--stop-stage", stage]


def succeed(result):
    """stdout of a run that ended well and warned of nothing."""
    status, out, error = result
    assert status == 0, out + error
    return out
