"""RawBoost in plain NumPy, one utterance at a time: its definitions, written down as they read.

Tak et al., "RawBoost", ICASSP 2022. It is what antispoof/augment/rawboost.py is measured against,
for speed and sample for sample. `dice` gives every random number: Dice draws them, Replay gives
those that were drawn before, in the order of the definitions.
"""

import numpy as np
from scipy import signal

RATE = 16000


class Dice:
    """Draws from a NumPy generator."""

    def __init__(self, rng):
        self.rng = rng

    def uniform(self, low, high):
        return low + (high - low) * self.rng.random()

    def positions(self, count, percent):
        return self.rng.permutation(count)[: int(count * (self.uniform(0, percent) / 100))]

    def factors(self, count):
        return (2 * self.rng.random(count) - 1) * (2 * self.rng.random(count) - 1)

    def noise(self, count):
        return self.rng.normal(0, 1, count)


class Replay:
    """Gives the values of a list, whatever is asked for."""

    def __init__(self, values):
        self.values = iter(values)

    def _next(self, *_):
        return next(self.values)

    uniform = positions = factors = noise = _next


def peak_norm(x, always):
    peak = np.abs(x).max()
    return x / peak if always or peak > 1 else x


def notch_filter(dice, settings, gain):
    b = np.ones(1)
    for _ in range(settings.bands):
        centre = dice.uniform(*settings.frequency)
        width = dice.uniform(*settings.bandwidth)
        taps = int(dice.uniform(*settings.taps))
        if taps % 2 == 0:
            taps += 1
        low, high = centre - width / 2, centre + width / 2
        if low <= 0:
            low = 0.001
        if high >= RATE / 2:
            high = RATE / 2 - 0.001
        b = np.convolve(signal.firwin(taps, [low, high], window="hamming", fs=RATE), b)
    decibel = dice.uniform(*gain)
    _, response = signal.freqz(b, 1, fs=RATE)  # 512 points
    return 10 ** (decibel / 20) * b / np.abs(response).max()


def filter_fir(x, b):
    cut = len(b) + 1
    y = signal.lfilter(b, 1, np.pad(x, (0, cut)))
    return y[cut // 2 : len(y) - cut // 2]


def lnl(x, dice, settings):
    """1: linear and non-linear convolutive noise."""
    y, gain = np.zeros(len(x)), settings.gain
    for term in range(settings.terms):
        if term == 1:
            gain = [g - bias for g, bias in zip(gain, settings.bias, strict=True)]
        y = y + filter_fir(np.power(x, term + 1), notch_filter(dice, settings, gain))
    return peak_norm(y - y.mean(), always=False)


def isd(x, dice, settings):
    """2: impulsive, signal-dependent additive noise."""
    y = x.copy()
    positions = dice.positions(len(x), settings.percent)
    y[positions] = x[positions] + settings.impulse * x[positions] * dice.factors(len(positions))
    return peak_norm(y, always=False)


def ssi(x, dice, settings):
    """3: stationary, signal-independent additive noise."""
    noise = dice.noise(len(x))
    noise = filter_fir(noise, notch_filter(dice, settings, settings.gain))
    noise = peak_norm(noise, always=True)
    snr = dice.uniform(*settings.snr)
    return x + noise / np.linalg.norm(noise) * np.linalg.norm(x) / 10 ** (0.05 * snr)


ORDER = {0: [], 1: [lnl], 2: [isd], 3: [ssi], 4: [lnl, isd, ssi], 5: [lnl, isd], 6: [lnl, ssi],
         7: [isd, ssi], 8: [lnl, isd]}  # fmt: skip


def rawboost(x, dice, settings):
    """x (S,) float -> (S,), by algorithm `settings.algo` of 0 to 8."""
    if settings.algo == 8:
        return peak_norm(lnl(x, dice, settings) + isd(x, dice, settings), always=False)
    for step in ORDER[settings.algo]:
        x = step(x, dice, settings)
    return x


def replay(drawn, item, length, settings):
    """What `draw_batch` gave for utterance `item`, in the order in which `rawboost` asks for it."""
    values = []

    def notches(part):
        for term in range(part["gain"].shape[1]):
            for band in range(settings.bands):
                values.extend(
                    part[key][item, term, band].item() for key in ("centre", "width", "taps")
                )
            values.append(part["gain"][item, term].item())

    for step in ORDER[settings.algo]:
        if step is lnl:
            notches(drawn["lnl"])
        elif step is isd:
            factors = drawn["isd"]["factors"][item, :length].double().cpu().numpy()
            positions = np.flatnonzero(factors)
            values.extend([positions, factors[positions]])
        else:
            values.append(drawn["ssi"]["noise"][item, :length].double().cpu().numpy())
            notches(drawn["ssi"])
            values.append(drawn["ssi"]["snr"][item].item())
    return Replay(values)
