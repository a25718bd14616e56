"""A05: the classic LPC vocoder: pulses or noise through an all-pole filter (Atal, Hanauer 1971)."""

import numpy as np
from scipy import fft
from scipy.signal import lfilter

from antispoof import SAMPLE_RATE

from .batch import one_by_one, source

ORDER, HOP, SIZE = 18, 160, 480
PREEMPHASIS = [1, -0.95]
WINDOW = np.hanning(SIZE)


@one_by_one
def lpc_vocoder(request):
    """Copy synthesis: F0 and 18 predictor coefficients of a recording, every 10 ms."""
    wave = source(request)
    frames = len(wave) // HOP
    predictors, gains = analyse(lfilter(PREEMPHASIS, [1], wave), frames)
    excitation = excite(pitch(wave)[:frames], np.random.default_rng(request.seed))
    spoken, state = np.empty((frames, HOP)), np.zeros(ORDER)
    for frame in range(frames):
        spoken[frame], state = lfilter(
            gains[frame : frame + 1], predictors[frame], excitation[frame], zi=state
        )
    return lfilter([1], PREEMPHASIS, spoken.ravel())


def pitch(wave):
    """F0 of `wave` (S,) in Hz, 0 where unvoiced, every 10 ms; one value more than whole hops."""
    import pyworld

    coarse, times = pyworld.dio(wave, SAMPLE_RATE, f0_floor=71.0, f0_ceil=500.0, frame_period=10.0)
    return pyworld.stonemask(wave, coarse, times, SAMPLE_RATE)


def analyse(wave, frames):
    """Predictors (T, 19), the first 1, and gains (T,) of `frames` hops of `wave` (S,)."""
    padded = np.pad(wave, SIZE)
    starts = SIZE + HOP // 2 - SIZE // 2 + HOP * np.arange(frames)
    cut = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[starts] * WINDOW
    power = np.abs(fft.rfft(cut, 2 * SIZE, axis=1)) ** 2
    correlation = fft.irfft(power, axis=1)[:, : ORDER + 1]
    correlation[:, 0] = correlation[:, 0] * 1.0001 + 1e-9
    predictors, error = levinson(correlation)
    return predictors, np.sqrt(np.maximum(error, 1e-12) / np.sum(WINDOW**2))


def levinson(correlation):
    """Levinson-Durbin over all rows at once: (T, P+1) -> predictors (T, P+1), errors (T,)."""
    rows, width = correlation.shape
    predictors = np.zeros((rows, width))
    predictors[:, 0] = 1
    error = correlation[:, 0].copy()
    for order in range(1, width):
        reach = np.sum(predictors[:, :order] * correlation[:, order:0:-1], axis=1)
        reflection = (-reach / error)[:, None]
        before = predictors[:, : order + 1].copy()
        predictors[:, : order + 1] = before + reflection * before[:, ::-1]
        error = error * (1 - reflection[:, 0] ** 2)
    return predictors, error


def excite(f0, generator):
    """Excitation (T, 160) of mean power 1 from F0 (T,): pulses where voiced, else white noise."""
    noise = generator.standard_normal((len(f0), HOP))
    hertz = np.repeat(f0, HOP)
    cycles = np.floor(np.cumsum(hertz) / SAMPLE_RATE)
    beats = np.diff(cycles, prepend=0.0) > 0
    pulses = np.where(beats, np.sqrt(SAMPLE_RATE / np.maximum(hertz, 1.0)), 0.0)
    return np.where(f0[:, None] > 0, pulses.reshape(len(f0), HOP), noise)
