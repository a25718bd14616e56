"""Reading recordings of every kind found in the packages, as 16 kHz mono."""

import math
from pathlib import Path

import numpy as np

from antispoof import SAMPLE_RATE


def load(path):
    """Samples (S,) float64 in -1..1, mono, 16 kHz, of a file that libsndfile or G.722 can read."""
    path = Path(path)
    if path.suffix == ".g722":
        return decode_g722(path.read_bytes())
    import soundfile

    samples, rate = soundfile.read(path, always_2d=True)
    return resample(samples.mean(axis=1), rate)


def decode_g722(data):
    """Samples (S,) float64 of 64 kbit/s G.722 at 16 kHz: two samples from each byte."""
    from G722 import G722

    return np.asarray(G722(SAMPLE_RATE, 64000).decode(data), np.float64) / 32768


def resample(samples, rate):
    """`samples` (S,) at `rate` Hz -> at 16 kHz, by a polyphase filter."""
    if rate == SAMPLE_RATE:
        return np.asarray(samples, np.float64)
    from scipy.signal import resample_poly

    common = math.gcd(int(rate), SAMPLE_RATE)
    return resample_poly(np.asarray(samples, np.float64), SAMPLE_RATE // common, rate // common)


def trim(samples, below_db=35.0, margin=0.05):
    """Cut `samples` (S,) to where their 20 ms power is within `below_db` dB of its 99th centile.

    `margin` seconds stay at either end. An empty array where nothing stands out.
    """
    window = SAMPLE_RATE // 50
    if len(samples) < 2 * window:
        return samples[:0]
    total = np.cumsum(np.r_[0.0, np.square(samples)])
    power = np.maximum(total[window:] - total[:-window], 0.0) / window  # starts at each sample
    loud = np.flatnonzero(power > max(np.percentile(power, 99) * 10 ** (-below_db / 10), 1e-10))
    if not len(loud):
        return samples[:0]
    keep = round(margin * SAMPLE_RATE)
    return samples[max(0, loud[0] + window // 2 - keep) : loud[-1] + window // 2 + keep]
