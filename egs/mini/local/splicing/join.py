"""How a phrase is put into a recording, and the channel that both go through afterwards."""

import numpy as np

from antispoof import SAMPLE_RATE
from corpus import channel

PHRASE = (0.3, 0.7)  # seconds of what is put in; at most half of the recording
SEARCH = 0.08  # seconds around a drawn place in which the quietest moment is taken
FADE = 0.01  # seconds of a cross-fade
CODECS = ("none", "vorbis", "opus", "mp3")  # those that need no other program


def join(host, donor, fade, rng):
    """Put a phrase of `donor` (S',) in the place of one of `host` (S,), both at 16 kHz.

    It begins and ends where each is quiet, and comes at the level of the host. fade: whether its
    ends are cross-faded over 10 ms, or cut. Returns (wave (S,), start, end) in samples.
    """
    seconds = min(rng.uniform(*PHRASE), 0.5 * len(host) / SAMPLE_RATE)
    wanted = round(seconds * SAMPLE_RATE)
    start = quietest(host, round(rng.uniform(0.1, 0.9) * (len(host) - wanted)))
    end = quietest(host, start + wanted)
    length = min(end - start, len(donor))
    place = quietest(donor, round(rng.random() * (len(donor) - length)))
    place = min(place, len(donor) - length)
    phrase = donor[place : place + length] * (level(host) / level(donor))
    weight = np.ones(length)
    if fade:
        ramp = (np.arange(round(FADE * SAMPLE_RATE)) + 0.5) / round(FADE * SAMPLE_RATE)
        weight[: len(ramp)], weight[-len(ramp) :] = ramp, ramp[::-1]
    wave = host.copy()
    wave[start : start + length] += weight * (phrase - wave[start : start + length])
    return wave, start, start + length


def quietest(wave, near):
    """The sample around `near` with the least power over 20 ms; never one of the ends."""
    half = round(0.01 * SAMPLE_RATE)
    reach = round(SEARCH * SAMPLE_RATE)
    low, high = max(half, near - reach), min(len(wave) - half, near + reach)
    if low >= high:
        return min(max(near, 0), len(wave))
    total = np.cumsum(np.r_[0.0, np.square(wave)])
    at = np.arange(low, high)
    return int(at[np.argmin(total[at + half] - total[at - half])])


def level(wave):
    """RMS, never 0."""
    return np.sqrt(np.mean(np.square(wave))) + 1e-9


def transmit(wave, shapes, rng):
    """The channel of the corpus once more, for joined sounds and whole ones: (wave (S,), codec).

    Nothing is cut, so that segments stay where they are.
    """
    low, high = channel.LOW_HZ, channel.HIGH_HZ
    band = np.exp(rng.uniform(*np.log(low))), rng.uniform(*high)
    wave = channel.to_level(channel.band_pass(wave, band), -26.0)
    noise = channel.band_pass(
        channel.background(shapes[rng.integers(len(shapes))], len(wave), rng), band
    )
    wave = wave + channel.missing_noise(wave, noise, rng.uniform(*channel.FLOOR_DB))
    codec = CODECS[rng.integers(len(CODECS))]
    wave = channel.band_pass(channel.through_codec(channel.to_level(wave, -26.0), codec), band)
    return channel.to_level(wave, rng.uniform(*channel.LEVEL_DB)), codec
