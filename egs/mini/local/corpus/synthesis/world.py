"""A03 and A11: WORLD (Morise, Yokomori and Ozawa, 2016), copied as it is or to another speaker."""

import random

import numpy as np

from antispoof import SAMPLE_RATE

from .batch import one_by_one, source

FRAME_MS = 5.0
F0_RANGE = {"f0_floor": 71.0, "f0_ceil": 500.0}  # Hz


@one_by_one
def world(request):
    """Copy synthesis: F0, envelope and aperiodicity of a recording, put together again."""
    import pyworld

    return pyworld.synthesize(*analyse(source(request)), SAMPLE_RATE, FRAME_MS)


@one_by_one
def conversion(request):
    """Rule-based voice conversion towards the other sex: F0 scaled, vocal-tract length warped."""
    import pyworld

    f0, envelope, aperiodicity = analyse(source(request))
    draw = random.Random(request.seed)
    upwards = request.sex == "m" or (request.sex == "?" and draw.random() < 0.5)
    warp, register = draw.uniform(1.10, 1.22), draw.uniform(1.35, 1.7)
    if not upwards:
        warp, register = 1 / warp, 1 / register
    envelope = np.exp(stretch(np.log(envelope), warp))
    aperiodicity = stretch(aperiodicity, warp)
    return pyworld.synthesize(f0 * register, envelope, aperiodicity, SAMPLE_RATE, FRAME_MS)


def analyse(wave):
    """F0 (T,), power envelope (T, 513) and aperiodicity (T, 513) of `wave` (S,)."""
    import pyworld

    coarse, times = pyworld.dio(wave, SAMPLE_RATE, frame_period=FRAME_MS, **F0_RANGE)
    f0 = pyworld.stonemask(wave, coarse, times, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(wave, f0, times, SAMPLE_RATE, f0_floor=F0_RANGE["f0_floor"])
    return f0, envelope, pyworld.d4c(wave, f0, times, SAMPLE_RATE)


def stretch(frames, factor):
    """Move what `frames` (T, K) hold at frequency f to `factor` * f, linearly interpolated."""
    top = frames.shape[1] - 1
    position = np.minimum(np.arange(top + 1) / factor, top)
    below = np.minimum(position.astype(int), top - 1)
    share = position - below
    return np.ascontiguousarray(frames[:, below] * (1 - share) + frames[:, below + 1] * share)
