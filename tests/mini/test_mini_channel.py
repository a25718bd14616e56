"""egs/mini: one channel for both classes, drawn from the utterance's id alone."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from scipy.signal import lfilter

from antispoof import SAMPLE_RATE
from antispoof.audit.cues import cues
from corpus import channel

WHITE = np.array([[1.0] + [0.0] * 16])


@pytest.fixture(autouse=True)
def codecs(monkeypatch):
    """G.722 is in the synthesisers' environment only."""
    if importlib.util.find_spec("G722") is None:
        monkeypatch.setattr(channel, "CODECS", tuple(c for c in channel.CODECS if c != "g722"))


def speech(seconds=3.0, seed=0):
    """Something with pitch and syllables, (S,), and a second of silence on either side."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pulses = (np.diff(np.floor(time * 120), prepend=0) > 0).astype(float)
    voice = lfilter([1.0], [1.0, -1.2, 0.9], pulses)
    voice += 0.02 * np.random.default_rng(seed).standard_normal(len(time))
    syllables = 0.02 + np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    return np.pad(0.3 * voice * syllables, SAMPLE_RATE)


def test_the_id_decides_and_nothing_else():
    first, codec = channel.transmit(speech(), "a", WHITE)
    np.random.seed(1)
    second, same = channel.transmit(speech(), "a", WHITE)
    assert codec == same
    assert np.array_equal(first, second)
    other, _ = channel.transmit(speech(), "b", WHITE)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("number", range(12))
def test_length_level_band_and_edges(number):
    wave, codec = channel.transmit(speech(), f"utt{number}", WHITE)
    found = cues(wave)
    assert codec in channel.CODECS
    assert wave.dtype == np.float64 and np.abs(wave).max() <= 0.99
    assert 0.5 <= found["duration"] <= channel.SECONDS[1]
    assert channel.LEVEL_DB[0] - 0.01 <= found["level"] <= channel.LEVEL_DB[1] + 0.01
    _, upper, below, _ = found["bandwidth"]
    assert upper <= channel.HIGH_HZ[1] and below < -45
    assert wave[0] == wave[-1] == 0
    assert found["silence"].max() < 0.4  # of the second that was there; the rest are syllables
    assert -42 < found["noise_floor"][0] < -10


def test_level_and_silence_of_what_comes_in_leave_no_trace(monkeypatch):
    monkeypatch.setattr(channel, "CODECS", ("none",))
    wave = speech()
    first, _ = channel.transmit(wave, "utt", WHITE)
    second, _ = channel.transmit(0.01 * wave[SAMPLE_RATE // 2 :], "utt", WHITE)
    assert len(first) == len(second)
    assert np.abs(first - second).max() < 1e-3


def test_codecs_keep_time(monkeypatch):
    original = channel.to_level(speech()[SAMPLE_RATE : 3 * SAMPLE_RATE], -26)
    for codec in channel.CODECS:
        decoded = channel.through_codec(original, codec)
        assert decoded.shape == original.shape
        lags = [np.corrcoef(np.roll(decoded, -lag), original)[0, 1] for lag in range(40)]
        assert max(lags) > 0.9, codec


def test_random_phase_changes_phases_only():
    wave = np.zeros(8000)
    wave[4000] = 1
    band = (100.0, 7000.0)
    flat = channel.band_pass(wave, band)
    moved = channel.band_pass(wave, band, channel.random_phase(np.random.default_rng(0)))
    assert np.abs(moved).max() < 0.5 * np.abs(flat).max()
    assert np.sum(moved**2) == pytest.approx(np.sum(flat**2), rel=0.02)
    late = np.flatnonzero(np.abs(moved) > 0.05 * np.abs(moved).max())
    assert late.min() > 3900 and late.max() < 4000 + channel.DELAY * SAMPLE_RATE + 100


def test_noise_takes_the_shape_of_the_background():
    hiss = np.random.default_rng(0).standard_normal(8 * SAMPLE_RATE)
    hum = lfilter([1.0], [1.0, -0.95], hiss)
    loud = np.sin(np.arange(len(hum)) / 16000 * 7) > 0  # half of the time
    shapes = channel.noise_shapes([hum + 100 * loud * hiss])
    assert shapes.shape == (1, 17)
    noise = channel.background(shapes[0], 2 * SAMPLE_RATE, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[: len(power) // 8].sum() > 0.5 * power.sum()


def test_no_background_and_no_speech_are_refused():
    with pytest.raises(ValueError, match="no recording has a background"):
        channel.noise_shapes([np.zeros(SAMPLE_RATE)])
    with pytest.raises(ValueError, match=r"M_T_00001: 0\.\d\d s of speech"):
        channel.transmit(speech(0.2), "M_T_00001", WHITE)


def test_a_loud_background_is_not_raised_further():
    noise, loud = np.random.default_rng(0).standard_normal((2, SAMPLE_RATE))
    added = channel.missing_noise(loud, noise, 30.0)
    assert np.mean(added**2) == pytest.approx(1e-4 * np.mean(loud**2), rel=1e-6)
    quiet = loud * np.where(np.arange(SAMPLE_RATE) < 8000, 1, 1e-6)
    added = channel.missing_noise(quiet, noise, 30.0)
    assert np.mean(added**2) == pytest.approx(1e-3 * np.mean(quiet**2), rel=1e-3)


def test_the_same_bytes_on_every_machine(monkeypatch):
    monkeypatch.setattr(channel, "CODECS", ("none",))
    wave, _ = channel.transmit(speech(), "utt", WHITE)
    samples = np.round(wave * 32768).astype("<i2")
    assert hashlib.sha256(samples.tobytes()).hexdigest()[:16] == "759add43330186ce"
