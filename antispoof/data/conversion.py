"""What may be done to a sound that is not mono at 16 kHz, where that was decided in writing."""

import math
from collections.abc import Collection

import numpy as np

from .. import SAMPLE_RATE
from ..errors import UserError

RATES = (100, 1_000_000)  # Hz: beyond, a filter takes much memory, and a header is wrong


def require_allowed(
    channels: int, rate: int, path: str, utt: str, allow: Collection[str] = ()
) -> None:
    """Raise UserError where a sound needs a conversion that `allow` does not name."""
    if channels != 1 and "mixdown" not in allow:
        raise UserError(
            f"{path}: {utt}: found {channels} channels, wanted 1; mix it down, "
            f"e.g. sox {path} mono.wav remix -, or allow: [mixdown]"
        )
    if rate != SAMPLE_RATE and "resample" not in allow:
        raise UserError(
            f"{path}: {utt}: found {rate} Hz, wanted {SAMPLE_RATE} Hz; resample it, "
            f"e.g. sox {path} -r {SAMPLE_RATE} new.wav, or allow: [resample]"
        )
    require_rate(rate, f"{path}: {utt}")


def require_rate(rate: int, place: str) -> None:
    """Raise UserError where no sound has this rate; `place` begins the message."""
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(f"{place}: found {rate} Hz, wanted {RATES[0]} to {RATES[1]} Hz")


def convert(
    samples: np.ndarray, rate: int, path: str, utt: str, allow: Collection[str] = ()
) -> np.ndarray:
    """(S,) or (S, channels) float32 at `rate` Hz -> (S',) mono at 16 kHz, as `allow` says.

    Raises UserError where that does not allow it, or a sample is missing or not finite.
    """
    require_allowed(1 if samples.ndim == 1 else samples.shape[1], rate, path, utt, allow)
    if samples.ndim != 1:
        samples = samples.mean(1)
    if rate != SAMPLE_RATE:
        if not np.isfinite(samples).all():  # which no filter takes
            require_allowed(1, rate, path, utt)
        samples = resample(samples, rate)
    if samples.size == 0:
        raise UserError(f"{path}: {utt}: holds no sample; take it out of the tables or fix it")
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise UserError(f"{path}: {utt}: sample {first} is {samples[first]}, wanted finite samples")
    return samples


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """(S,) float32 at `rate` Hz -> (ceil(S * 16000 / rate),) at 16 kHz, band-limited."""
    from scipy.signal import resample_poly  # late: most sounds need none

    common = math.gcd(rate, SAMPLE_RATE)
    return resample_poly(samples, SAMPLE_RATE // common, rate // common).astype(np.float32)
