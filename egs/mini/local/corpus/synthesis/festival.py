"""A02, A06 and one voice of A07: Festival's diphone, unit-selection and HMM voices.

Starting Festival and loading a voice costs as much as ten sentences, so one process reads a batch.
The script seeds every sentence anew: its bytes do not depend on those before it. A sentence that
fails, or of which Festival dies, is tried once more alone; the others go on in a new process.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ..audio import load
from ..environment import program
from .batch import TIMEOUT, SynthesisError, outcome, plain

SCRIPT = Path(__file__).with_name("festival.scm")
ENCODINGS = {  # by voice: each reads the bytes of its own time
    "czech_ph": "iso-8859-2",
    "czech_dita": "iso-8859-2",
    "czech_machac": "iso-8859-2",
    "czech_krb": "iso-8859-2",
    "lp_diphone": "iso-8859-1",
    "pc_diphone": "iso-8859-1",
    "kal_diphone": "ascii",
    "ked_diphone": "ascii",
    "cmu_us_slt_arctic_hts": "ascii",
    "msu_ru_nsh_clunits": "utf-8",
}


def festival(requests):
    """Texts in the voices `request.voice`; yields an outcome for each request, voice by voice."""
    for voice in sorted({request.voice for request in requests}):
        with tempfile.TemporaryDirectory() as folder:
            jobs = {  # request -> the path without suffix of its text and its waves
                request: Path(folder, str(number))
                for number, request in enumerate(requests)
                if request.voice == voice
            }
            for request, stem in jobs.items():
                write_text(stem.with_suffix(".txt"), request)
            reasons = read_all(voice, jobs)
            for request, stem in jobs.items():
                reason = reasons.get(request)
                yield request, outcome(lambda _, s=stem, r=reason: speech(s, r), request)


def write_text(path, request):
    """Write the text in the encoding of the voice; characters that it lacks are left out."""
    encoding = ENCODINGS[request.voice]
    path.write_bytes(plain(request.text).encode(encoding, "ignore") + b"\n")


def read_all(voice, jobs):
    """Read every one of `jobs` {request: stem} aloud. Returns {request: why it failed}."""
    waiting, alone, reasons = list(jobs), [], {}
    while waiting:
        done, _ = read_aloud(voice, waiting, jobs)
        reached = max((waiting.index(request) for request in done), default=-1) + 2
        alone += [request for request in waiting[:reached] if request not in done]
        waiting = waiting[reached:]  # empty unless Festival died: of the last one reached
    for request in alone:
        done, words = read_aloud(voice, [request], jobs)
        if request not in done:
            reasons[request] = words
    return reasons


def read_aloud(voice, requests, jobs):
    """One Festival process over `requests`. Returns (the set that is done, its last words)."""
    argv, env = program("festival")
    command = [*argv, "--script", str(SCRIPT), voice]
    for request in requests:
        command += [str(jobs[request]), str(request.seed % 2**20)]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True}
    try:
        result = subprocess.run(command, env=env, timeout=TIMEOUT + 2 * len(requests), **options)
        out, err, end = result.stdout, result.stderr, f"exit status {result.returncode}"
    except subprocess.TimeoutExpired as error:
        out, err, end = error.stdout or b"", error.stderr or b"", "took too long"
    except OSError as error:
        return set(), str(error)
    said = set(out.decode("utf-8", "replace").splitlines())
    words = err.decode("utf-8", "replace").strip().splitlines() or ["no message"]
    done = {request for request in requests if f"done {jobs[request]}" in said}
    return done, f"{end}: {words[-1]}"


def speech(stem, reason):
    """The sentences of `stem`, joined: (S,) at 16 kHz; SynthesisError where there is a `reason`."""
    if reason:
        raise SynthesisError(f"festival: {reason}")
    parts = len(list(stem.parent.glob(f"{stem.name}.*.wav")))
    if not parts:
        raise SynthesisError("festival: found nothing to say")
    return np.concatenate([load(f"{stem}.{part + 1}.wav") for part in range(parts)])
