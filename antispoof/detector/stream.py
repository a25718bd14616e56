"""Raw sound without end, from a pipe: an LLR for each window as soon as it is whole.

A window begins half a window behind the one before it. The running LLR is the mean over the windows
so far that hold sound. What is in memory does not grow.
"""

import math
import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from ..data.conversion import require_rate
from ..data.sounds import Sound
from ..errors import UserError
from .detect import Detector
from .heard import heard
from .pieces import resampled
from .raw import NOT_CALIBRATED

FORMATS = {"s16le": "<i2", "f32le": "<f4"}  # of a sample, by FFmpeg's names
SLICE = 0.05  # seconds that are read at once, at most


@dataclass(frozen=True)
class Moment:
    """What is found of a window, and of the stream up to its end. Seconds of sound; NaN: none."""

    start: float
    end: float
    llr: float
    running: float
    decision: str  # by the running LLR; none before the first window that holds sound
    warnings: tuple[str, ...]


class Stream:
    """The windows of a stream of one channel. Args: detector; rate: in Hz; form: of FORMATS.

    Raises UserError.
    """

    def __init__(self, detector: Detector, rate: int = SAMPLE_RATE, form: str = "s16le") -> None:
        require_rate(rate, "rate")
        if not detector.system.calibrated:
            raise UserError(f"a stream needs LLRs, and the model is {NOT_CALIBRATED}")
        self.detector, self.rate, self.type = detector, rate, np.dtype(FORMATS[form])
        self.length = round(detector.system.seconds * SAMPLE_RATE)
        self.hop = max(self.length // 2, 1)
        self.total, self.count = 0.0, 0
        self.woken, self.waker = os.pipe()

    def stop(self) -> None:
        """End the stream as if its input ended here. A handler of a signal may call it."""
        os.write(self.waker, b"\0")

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.woken)
        os.close(self.waker)

    def about(self) -> str:
        """How late its lines are, with the seconds that this machine takes for a window."""
        noise = np.random.default_rng(0).standard_normal(self.length).astype(np.float32) / 10
        for _ in range(2):  # the first time takes longer
            started = time.perf_counter()
            self.detector.llr_of(Sound("noise", noise, "noise"))
        taken, hop = time.perf_counter() - started, self.hop / SAMPLE_RATE
        slow = "; this machine is slower than the sound" if taken > hop else ""
        return (
            f"a window lasts {self.length / SAMPLE_RATE:g} s, a new one begins each {hop:g} s; "
            f"its line comes {taken:.3f} s after its end{slow}"
        )

    def each(self, file: int) -> Iterator[Moment]:
        """Yield each window of what is read from the descriptor `file`, to its end.

        What is left at the end is one more window, which is as long as what is there.
        """
        held, first, done = np.zeros(0, np.float32), 0, 0  # `done`: up to where windows reach
        for block in resampled(self._read(file), self.rate):
            held = np.concatenate([held, block])
            while len(held) >= self.length:
                done = first + self.length
                yield self._window(held[: self.length], first)
                held, first = held[self.hop :], first + self.hop
        if first + len(held) > done:
            yield self._window(held, first)

    def _read(self, file):
        size, rest = self.type.itemsize, b""
        most = max(round(SLICE * self.rate), 1) * size
        while self.woken not in select.select([file, self.woken], [], [])[0]:
            if not (data := os.read(file, most)):
                break
            data = rest + data
            whole = len(data) // size * size  # a pipe may end within a sample
            rest = data[whole:]
            if whole:
                samples = np.frombuffer(data[:whole], self.type).astype(np.float32)
                if self.type.kind == "i":
                    samples /= 1 << (8 * size - 1)
                if not np.isfinite(samples).all():
                    raise UserError(
                        "standard input: found a sample that is no number; is it f32le?"
                    )
                yield samples

    def _window(self, wave, first):
        verdict, warnings = heard(wave).judged()
        llr: Any = math.nan
        if verdict:
            llr = self.detector.llr_of(Sound(f"stream@{first}", wave, "standard input"))
            if isinstance(llr, UserError):
                llr, warnings = math.nan, (*warnings, str(llr))
            else:
                self.total, self.count = self.total + llr, self.count + 1
        running = self.total / self.count if self.count else math.nan
        decision = "none"
        if self.count:
            decision = "bonafide" if running >= self.detector.threshold else "spoof"
        start, end = first / SAMPLE_RATE, (first + len(wave)) / SAMPLE_RATE
        return Moment(start, end, llr, running, decision, warnings)
