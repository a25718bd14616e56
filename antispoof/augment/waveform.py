"""Augmentations that need nothing but the waveform: masks, companding, trimming, speed, filters.

Each is a record of settings with `draw(rng, length)`, which gives a plain record, and
`apply(wave, drawn)`, (S,) float32 -> float32, without any chance in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from .checks import require, require_range


def uniform(rng: np.random.Generator, ends: Sequence[float]) -> float:
    """A draw between the two `ends`."""
    return float(ends[0] + (ends[1] - ends[0]) * rng.random())


@dataclass(frozen=True)
class TimeMask:
    """A stretch of the file becomes zero."""

    share: tuple = (0.2, 0.5)  # of the file

    def __post_init__(self) -> None:
        require_range("share", self.share, 0, 1)

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        count = int(length * uniform(rng, self.share))
        return {"start": int(rng.integers(length - count + 1)), "count": count}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        masked = wave.copy()
        masked[drawn["start"] : drawn["start"] + drawn["count"]] = 0
        return masked


@dataclass(frozen=True)
class MuLaw:
    """Companded, rounded to 2^bits levels, expanded: G.711's curve at the full rate."""

    bits: int = 8

    def __post_init__(self) -> None:
        require(2 <= self.bits <= 16, "bits", self.bits, "2 to 16")

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        return {}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        mu = 2**self.bits - 1
        x = np.clip(wave, -1, 1)
        companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
        companded = 2 * np.round((companded + 1) / 2 * mu) / mu - 1
        return (np.sign(companded) * ((1 + mu) ** np.abs(companded) - 1) / mu).astype(np.float32)


@dataclass(frozen=True)
class Trim:
    """Silence before the first 10 ms that reach `level` below the loudest 10 ms is cut off."""

    level: float = -40.0  # dB

    def __post_init__(self) -> None:
        require(self.level < 0, "level", self.level, "less than 0 dB")

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        return {}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        size = SAMPLE_RATE // 100
        count = len(wave) // size
        if not count:
            return wave
        energy = (wave[: count * size].reshape(count, size).astype(np.float64) ** 2).sum(1)
        loud = energy >= energy.max() * 10 ** (self.level / 10)
        return wave[int(loud.argmax()) * size :]


@dataclass(frozen=True)
class Speed:
    """Played faster or slower: tempo and pitch, and the length, change."""

    factors: tuple = (0.9, 1.0, 1.1)

    def __post_init__(self) -> None:
        listed = isinstance(self.factors, (list, tuple)) and len(self.factors) > 0
        require(
            listed and all(type(f) in (int, float) and 0.25 <= f <= 4 for f in self.factors),
            "factors", self.factors, "a list of numbers from 0.25 to 4",
        )  # fmt: skip

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        return {"factor": float(self.factors[rng.integers(len(self.factors))])}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        from scipy.signal import resample_poly  # late: costs a second, and few chains need it

        ratio = 1 / Fraction(drawn["factor"]).limit_denominator(100)
        return resample_poly(wave, ratio.numerator, ratio.denominator).astype(np.float32)


@dataclass(frozen=True)
class Filter:
    """A band of drawn edges, by a Butterworth filter: what a device or a line lets through."""

    low: tuple = (20, 400)  # Hz
    high: tuple = (3000, 7900)  # Hz
    order: int = 2

    def __post_init__(self) -> None:
        require(self.order >= 1, "order", self.order, "1 or more")
        require_range("low", self.low, 1, SAMPLE_RATE / 2 - 1)
        require_range("high", self.high, 1, SAMPLE_RATE / 2 - 1)
        require(self.low[1] < self.high[0], "low", self.low, f"less than 'high' {self.high}")

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        return {"low": uniform(rng, self.low), "high": uniform(rng, self.high)}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        from scipy.signal import butter, sosfilt

        edges = (drawn["low"], drawn["high"])
        band = butter(self.order, edges, "bandpass", fs=SAMPLE_RATE, output="sos")
        return sosfilt(band, wave).astype(np.float32)
