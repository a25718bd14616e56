"""Cues of a waveform against their formulas, on sound that is not alike at both ends."""

import math

import numpy as np
import pytest
from plain_corpus import RATE, sound

from antispoof.audit.cues import bandwidth, cues, frame_power, noise_floor, silence


def decibel(power):
    return 10 * math.log10(power)


def test_cues_are_their_formulas():
    wave = sound()
    found = cues(wave.astype(np.float32))
    rms = math.sqrt(sum(x * x for x in wave) / len(wave))
    assert found["duration"] == len(wave) / RATE
    assert found["level"] == pytest.approx(20 * math.log10(rms), abs=1e-4)
    assert found["crest_factor"] == pytest.approx(20 * math.log10(max(abs(wave)) / rms), abs=1e-4)
    offset = abs(sum(wave)) / len(wave) / rms
    assert found["offset"] == pytest.approx(20 * math.log10(offset), abs=1e-3)
    power = [sum(x * x for x in wave[i : i + 320]) / 320 for i in range(0, 12345 - 319, 320)]
    assert len(power) == 38
    np.testing.assert_allclose(frame_power(wave), power)
    frames = [decibel(p) for p in power]
    ordered = sorted(frames)
    floor = ordered[0] - ordered[-1]  # a twentieth of 38 frames is one
    np.testing.assert_allclose(found["noise_floor"], [floor, floor], atol=1e-3)
    loud = [i for i, f in enumerate(frames) if f > np.percentile(frames, 95) - 25]
    assert loud[0] > 0 and loud[-1] < 37 and loud[0] != 37 - loud[-1]
    np.testing.assert_allclose(found["silence"], [loud[0] * 0.02, (37 - loud[-1]) * 0.02])
    np.testing.assert_allclose(found["bandwidth"], bandwidth(wave), rtol=1e-4)
    assert set(found) == {
        *("duration", "silence", "level", "bandwidth", "crest_factor", "noise_floor", "offset")
    }
    assert cues(-wave)["offset"] == pytest.approx(cues(wave)["offset"])


def test_silence_is_25_db_below_the_loud_frames():
    frames = np.full(100, -30.0)  # the 95th percentile is -20
    frames[10:90] = -20
    frames[[1, 96]] = 3.0
    frames[[2, 97]] = -44.9
    frames[[0, 98, 99]] = -45.0, -45.1, -70
    frames[3:10] = frames[90:96] = -60
    assert silence(frames).tolist() == [0.02, 0.04]


def test_the_noise_floor_is_of_a_twentieth_of_the_frames():
    rng = np.random.default_rng(1)
    frames = rng.permutation(np.arange(65.0) ** 1.5)  # three frames
    loudest = (62**1.5 + 63**1.5 + 64**1.5) / 3
    wanted = [(0 + 1 + 2**1.5) / 3 - loudest, -loudest]
    np.testing.assert_allclose(noise_floor(frames), wanted)
    np.testing.assert_allclose(noise_floor(frames[:5]), [frames[:5].min() - frames[:5].max()] * 2)


def plain_bandwidth(wave):
    """Mean power spectrum of halfway overlapping Hann windows of 1,024 samples, by its sums."""
    power = np.zeros(513)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1023)
    starts = range(0, len(wave) - 1023, 512)
    for start in starts:
        power += abs(np.fft.fft(wave[start : start + 1024] * window)[:513]) ** 2 / len(starts)
    shares = power / sum(power)
    total, edges = 0.0, [None, None]
    for number, share in enumerate(shares):
        total += share
        for side, border in enumerate((0.001, 0.999)):
            if edges[side] is None and total >= border:
                edges[side] = number * 15.625
    low = sum(share for n, share in enumerate(shares) if n * 15.625 < 70)
    high = sum(share for n, share in enumerate(shares) if n * 15.625 > 7000)
    return [*edges, decibel(low), decibel(high)]


@pytest.mark.parametrize("samples", [1024, 1536, 7000])
def test_bandwidth_is_that_of_the_plain_spectrum(samples):
    for seed in range(3):
        wave = sound(seed, 12345)[2000 : 2000 + samples]
        np.testing.assert_allclose(bandwidth(wave), plain_bandwidth(wave), atol=1e-6)
    noise = np.random.default_rng(0).normal(0, 0.1, samples)
    np.testing.assert_allclose(bandwidth(noise), plain_bandwidth(noise), atol=1e-6)


def test_the_shortest_sound_is_a_tenth_of_a_second():
    assert cues(sound()[2000:3600])["duration"] == 0.1
    with pytest.raises(ValueError, match="found 1599 samples, wanted 1600"):
        cues(sound()[2000:3599])
    short = bandwidth(sound()[2000:2900])  # filled up with zeros behind
    np.testing.assert_allclose(short, plain_bandwidth(np.r_[sound()[2000:2900], np.zeros(124)]))
