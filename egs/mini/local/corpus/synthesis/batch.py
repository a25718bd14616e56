"""What every system shares: one request's failure stays its own, every wave leaves in one form."""

import functools
import importlib.util
import subprocess
from pathlib import Path

import numpy as np

from antispoof import SAMPLE_RATE

from ..audio import load, trim
from ..request import Failure

MIN_SECONDS = 0.8  # of trimmed speech; less is a synthesiser that gave up
PEAK = 0.7  # of full scale
TIMEOUT = 60  # seconds for one utterance of an outside program
TYPOGRAPHY = str.maketrans(  # quotes, dashes, ellipsis, no-break space, soft hyphen
    dict.fromkeys((0x2018, 0x2019, 0x201A), "'")
    | dict.fromkeys((0x201C, 0x201D, 0x201E, 0xAB, 0xBB), '"')
    | {0x2013: "-", 0x2014: "-", 0x2026: "...", 0xA0: " ", 0xAD: ""}
)


class SynthesisError(Exception):
    """A request of which a system made no usable speech; the message is one line."""


def one_by_one(make):
    """Turn `make(request) -> wave` (S,) at 16 kHz into a system: requests in, outcomes out."""

    @functools.wraps(make)
    def system(requests):
        for request in requests:
            yield request, outcome(make, request)

    return system


def outcome(make, request):
    """The finished wave of `make(request)`, or a Failure with its reason."""
    try:
        return finish(make(request), request.max_seconds)
    except Exception as error:  # engines raise what they like; the builder names every Failure
        reason = str(error) if isinstance(error, SynthesisError) else repr(error)
        return Failure(" ".join(reason.split())[:200])


def finish(wave, max_seconds):
    """`wave` (S,) at 16 kHz -> its speech alone (S',) float64, peak 0.7, on 16-bit steps.

    The steps hide differences in the last bit between processors' arithmetic.
    """
    wave = np.asarray(wave, np.float64)
    if not np.isfinite(wave).all():
        raise SynthesisError("made samples that are not numbers")
    wave = trim(wave)[: round(max_seconds * SAMPLE_RATE)]
    if len(wave) < MIN_SECONDS * SAMPLE_RATE:
        seconds = len(wave) / SAMPLE_RATE
        raise SynthesisError(f"made {seconds:.2f} s of speech, wanted {MIN_SECONDS} s or more")
    return np.round(wave / np.abs(wave).max() * PEAK * 32768) / 32768


def source(request):
    """The human recording of a copy-synthesis request: trimmed, cut, peak 0.7, (S,) at 16 kHz."""
    return finish(load(request.path), request.max_seconds)


def plain(text):
    """`text` on one line, with ASCII quotes and dashes: what the older engines can read."""
    return " ".join(text.translate(TYPOGRAPHY).split())


def run(argv, env=None, timeout=TIMEOUT):
    """Standard output (bytes) of a program run without a shell or input.

    Raises SynthesisError with the program's last words where it fails or takes too long.
    """
    try:
        done = subprocess.run(
            argv, env=env, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True
        )
    except subprocess.TimeoutExpired:
        raise SynthesisError(f"{argv[0]}: not done after {timeout} s") from None
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(words) if line.strip()), "no message")
        raise SynthesisError(f"{argv[0]}: exit status {done.returncode}: {last}")
    return done.stdout


def package_folder(name):
    """Where the Python package `name` lies; its code is not run."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise SynthesisError(f"python package {name}: is not installed")
    return Path(spec.origin).parent
