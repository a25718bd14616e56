"""What a sound is before a model hears it: silent, short, clipped, or without a voice in it.

All counts are over frames of 32 ms, so that a sound without end takes no more memory than a short
one. None of these tests is a speech recogniser: a whisper has no voice, and a song has one.
"""

import numpy as np

from .. import SAMPLE_RATE

FRAME = 512  # samples, 32 ms
SILENT = -80  # dB of full scale: the level of a frame that holds next to nothing
RANGE = 40  # dB below the loudest frame: what is quieter is a pause
SHORTEST = 0.3  # seconds that sound, for a verdict
VOICED = 0.1  # seconds that have a pitch, for a voice
STEADY = 1.0  # dB: a level that varies by less is a hum or a tone
LAGS = slice(SAMPLE_RATE // 400, SAMPLE_RATE // 70 + 1)  # pitches of 400 to 70 Hz
PERIODIC = 0.5  # of a normalised autocorrelation
FULL, RUN, CLIPPED = 0.98, 3, 0.002  # level, samples in a row, and share of all that are such
FLOOR = 120  # dB: levels are counted from -FLOOR to 0


class Heard:
    """Counts over a sound that is added block by block."""

    def __init__(self) -> None:
        self.samples = self.full = 0
        self.run = 0  # samples at full scale that the last block ends in, RUN at most
        self.rest = np.zeros(0, np.float32)
        self.levels = np.zeros(FLOOR + 1, np.int64)  # frames at each level in dB
        self.voiced = np.zeros(FLOOR + 1, np.int64)  # of those, frames with a pitch

    def add(self, wave: np.ndarray) -> None:
        """Count `wave` (S,) at 16 kHz, which goes on where the last one ended."""
        self.samples += len(wave)
        self._count_full(np.abs(wave) >= FULL)
        wave = np.concatenate([self.rest, wave]) if len(self.rest) else wave
        whole = len(wave) // FRAME * FRAME
        self.rest = wave[whole:].copy()
        for first in range(0, whole, FRAME * 4096):
            self._count(wave[first : min(first + FRAME * 4096, whole)].reshape(-1, FRAME))

    def _count(self, frames):
        frames = frames - frames.mean(1, keepdims=True)
        levels = 10 * np.log10(np.maximum(np.square(frames, dtype=np.float64).mean(1), 1e-12))
        bins = np.clip(np.rint(levels) + FLOOR, 0, FLOOR).astype(int)
        np.add.at(self.levels, bins, 1)
        tried = np.flatnonzero(levels[::2] > SILENT) * 2  # every second one stands for two
        np.add.at(self.voiced, bins[tried][_periodicity(frames[tried]) > PERIODIC], 2)

    def _count_full(self, flags):
        before = self.run if self.run == RUN else 0  # of that run, these are counted already
        flags = np.concatenate([np.ones(self.run, bool), flags])
        self.full += _in_runs(flags) - before
        end = flags[-RUN:]
        self.run = len(end) if end.all() else int(np.argmin(end[::-1]))

    def judged(self) -> tuple[bool, tuple[str, ...]]:
        """(whether a verdict may be given, what is odd in words)."""
        seconds = self.samples / SAMPLE_RATE
        counted = np.flatnonzero(self.levels)
        if self.samples < FRAME:
            return False, (f"too short: lasts {seconds:.2f} s, wanted {SHORTEST} s that sound",)
        loudest = counted.max() - FLOOR
        if loudest <= SILENT:
            return False, (f"silent: no part of it is louder than {SILENT} dB of full scale",)
        active = slice(max(loudest - RANGE, SILENT) + FLOOR, None)
        sounding = self._seconds(self.levels[active])
        if sounding < SHORTEST:
            return False, (f"too short: {sounding:.2f} s of it sound, wanted {SHORTEST} s",)
        return True, tuple(self._oddities(active))

    def _oddities(self, active):
        voiced = self._seconds(self.voiced[active])
        if voiced < VOICED:
            yield f"no speech found: {voiced:.2f} s of it have the pitch of a voice"
        elif _spread(self.levels[active]) < STEADY:
            yield "no speech found: it is as steady as a tone"
        if (share := self.full / self.samples) > CLIPPED:
            yield f"clipped: {100 * share:.1f} % of its samples are at full scale"

    @staticmethod
    def _seconds(counts):
        return float(counts.sum()) * FRAME / SAMPLE_RATE


def heard(wave: np.ndarray) -> Heard:
    """The counts over a whole sound (S,) at 16 kHz."""
    counts = Heard()
    counts.add(wave)
    return counts


def _periodicity(frames):
    """(N, FRAME) -> (N,): the highest normalised autocorrelation at the period of a pitch."""
    from scipy.fft import irfft, rfft  # late: of numpy's, float32 takes twice the time

    spectra = rfft(frames, 2 * FRAME)
    products = irfft(spectra.real**2 + spectra.imag**2)[:, LAGS]
    energy = np.cumsum(np.square(frames, dtype=np.float64), 1)
    lags = np.arange(FRAME)[LAGS]
    early, late = energy[:, FRAME - 1 - lags], energy[:, -1:] - energy[:, lags - 1]
    return (products / np.sqrt(np.maximum(early * late, 1e-20))).max(1, initial=0.0)


def _in_runs(flags):
    """How many of `flags` are set in a row of RUN or more."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= RUN].sum())


def _spread(counts):
    """The standard deviation of counted levels, in dB."""
    levels = np.arange(len(counts))
    mean = np.average(levels, weights=counts)
    return float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))
