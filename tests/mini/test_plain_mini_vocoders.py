"""egs/mini: copy synthesis and conversion against plain forms; WORLD's analysis is made up here."""

import random
import sys
import types

import numpy as np
import pytest
from plain_mini import RATE, autocorrelation, finished, phrase, predictor, write_phrase

from corpus.request import Failure, Request
from corpus.synthesis import SYSTEMS, batch, griffin_lim, lpc_vocoder, world


def request(path, system, seed=5, sex="?", max_seconds=1.3):
    return Request("u", system, "", "en", sex, "", str(path), seed, max_seconds)


def made(path, system, **more):
    ((asked, wave),) = SYSTEMS[system]([request(path, system, **more)])
    assert asked == request(path, system, **more)
    return wave


def hann(size):
    """Periodic."""
    return np.array([0.5 - 0.5 * np.cos(2 * np.pi * n / size) for n in range(size)])


def spectra(wave):
    wave = np.r_[np.zeros(512), wave, np.zeros(512)]
    starts = range(0, len(wave) - 1023, 256)
    return np.array([np.fft.rfft(wave[n : n + 1024] * hann(1024)) for n in starts])


def wave_of(frames):
    total, weight = (np.zeros(256 * (len(frames) - 1) + 1024) for _ in range(2))
    for n, spectrum in enumerate(frames):
        total[256 * n : 256 * n + 1024] += np.fft.irfft(spectrum) * hann(1024)
        weight[256 * n : 256 * n + 1024] += hann(1024) ** 2
    return total[512:-512] / np.maximum(weight[512:-512], 1e-3)


def mel_filters():
    """80 triangles between 82 points, equal steps of mel from 0 to 8 kHz."""

    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    points = [700 * (10 ** (mel(8000) * n / 81 / 2595) - 1) for n in range(82)]
    bank = np.zeros((80, 513))
    for row, (low, middle, high) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        for column in range(513):
            hertz = column * RATE / 1024
            up, down = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
            bank[row, column] = max(0.0, min(up, down))
    return bank


def test_griffin_lim_is_the_fast_one_from_80_mels(tmp_path):
    path = write_phrase(tmp_path / "a.wav")
    bank = mel_filters()
    magnitudes = np.abs(spectra(finished(phrase(), 1.3))) @ bank.T @ np.linalg.pinv(bank).T
    magnitudes = np.maximum(magnitudes, 1e-6)
    turns = np.random.default_rng(5).random(magnitudes.shape)
    now, before = magnitudes * np.exp(2j * np.pi * turns), 0
    for _ in range(12):
        projected = spectra(wave_of(now))
        moved = projected + 0.99 * (projected - before)
        now, before = magnitudes * np.exp(1j * np.angle(moved)), projected
    found = made(path, "griffin_lim")
    assert found == pytest.approx(finished(wave_of(now), 1.3), abs=2e-3)
    assert griffin_lim.mel_bank()[0].toarray() == pytest.approx(bank, abs=1e-9)
    assert np.array_equal(griffin_lim.mel_bank()[1].shape, (80, 513))


def test_frames_that_no_window_reaches_are_no_division_by_zero():
    found = griffin_lim.istft(np.ones((1, 513), complex))
    assert found.shape == (0,)
    two = griffin_lim.istft(spectra(phrase(0.5))[10:12])
    assert two == pytest.approx(wave_of(spectra(phrase(0.5))[10:12]))


class Pyworld(types.SimpleNamespace):
    """Stands for WORLD: notes how it is called, and answers with made-up numbers."""

    def __init__(self):
        super().__init__(calls=[])

    def note(self, name, args, more, value):
        self.calls.append((name, args, more))
        return value

    def f0(self, wave, period):
        frames = np.arange(len(wave) // round(RATE * period / 1000) + 1)
        return np.where(frames % 40 < 25, 110.0 + frames % 40, 0.0)

    def dio(self, wave, *args, **more):
        f0 = self.f0(wave, more["frame_period"])
        return self.note("dio", args, more, (f0 - 1, more["frame_period"] / 1000 * len(f0)))

    def stonemask(self, wave, coarse, times, *args, **more):
        self.note("stonemask", (times, *args), more, None)
        return coarse + 1

    def cheaptrick(self, wave, f0, times, *args, **more):
        rows = 1.0 + np.arange(len(f0))[:, None] + np.arange(513) ** 1.5
        return self.note("cheaptrick", (f0[3], times, *args), more, rows)

    def d4c(self, wave, f0, times, *args, **more):
        return self.note("d4c", (f0[3], times, *args), more, self.rough(len(f0)))

    def rough(self, rows):
        return np.linspace(0.1, 1, 513) ** 2 * np.linspace(0.5, 1, rows)[:, None]

    def synthesize(self, *args, **more):
        return self.note("synthesize", args, more, phrase(1.0, 140))


@pytest.fixture
def pyworld(monkeypatch):
    fake = Pyworld()
    monkeypatch.setitem(sys.modules, "pyworld", fake)
    return fake


def spoken(wave, f0, seed):
    """The LPC vocoder, a sample at a time."""
    heard, count = np.r_[wave[0], wave[1:] - 0.95 * wave[:-1]], len(wave) // 160
    heard, window = np.pad(heard, 480), np.hanning(480)
    noise = np.random.default_rng(seed).standard_normal((count, 160))
    state, turns, said, last = np.zeros(19), 0.0, [], 0.0
    for frame in range(count):
        middle = 480 + 160 * frame + 80
        lags = autocorrelation(heard[middle - 240 : middle + 240] * window, 18)
        lags[0] = lags[0] * 1.0001 + 1e-9
        filter_, error = predictor(lags)
        gain = np.sqrt(max(error, 1e-12) / sum(window**2))
        for n in range(160):
            before, turns = np.floor(turns / RATE), turns + f0[frame]
            pulse = np.sqrt(RATE / max(f0[frame], 1)) * (np.floor(turns / RATE) > before)
            sample = gain * (pulse if f0[frame] > 0 else noise[frame, n]) + state[0]
            state = np.r_[state[1:], 0.0]
            state[:18] -= filter_[1:] * sample
            last = sample + 0.95 * last
            said.append(last)
    return np.array(said)


def test_the_lpc_vocoder_is_the_textbooks(pyworld, tmp_path):
    path = write_phrase(tmp_path / "a.wav")
    wave = finished(phrase(), 1.3)
    plain = finished(spoken(wave, pyworld.f0(wave, 10.0), 5), 1.3)
    assert made(path, "lpc_vocoder") == pytest.approx(plain, abs=1e-3)
    (_, args, more), (_, mask, _) = pyworld.calls
    assert (args, mask[1]) == ((RATE,), RATE)
    assert more == {"f0_floor": 71.0, "f0_ceil": 500.0, "frame_period": 10.0}


def test_silence_has_a_filter_too():
    predictors, gains = lpc_vocoder.analyse(np.zeros(800), 3)
    assert predictors == pytest.approx(np.tile(np.r_[1.0, np.zeros(18)], (3, 1)))
    assert gains == pytest.approx(np.sqrt(1e-9 / sum(np.hanning(480) ** 2)) * np.ones(3))


def test_excitation_begins_in_the_middle_of_nothing():
    found = lpc_vocoder.excite(np.array([100.0, 0.0, 200.0]), np.random.default_rng(3))
    assert np.flatnonzero(found[0]).tolist() == [159]
    assert np.array_equal(found[1], np.random.default_rng(3).standard_normal((3, 160))[1])
    assert np.flatnonzero(found[2]).tolist() == [79, 159]
    assert found[2, 79] == pytest.approx(np.sqrt(80)) and found[0, 159] == np.sqrt(160)


def test_world_puts_together_what_it_took_apart(pyworld, tmp_path):
    found = made(write_phrase(tmp_path / "a.wav"), "world")
    assert np.array_equal(found, finished(phrase(1.0, 140), 1.3))
    wave = finished(phrase(), 1.3)
    calls = {name: (args, more) for name, args, more in pyworld.calls}
    assert calls["dio"] == ((RATE,), {"frame_period": 5.0, "f0_floor": 71.0, "f0_ceil": 500.0})
    f0 = pyworld.f0(wave, 5.0)
    assert calls["cheaptrick"][0][0] == calls["d4c"][0][0] == f0[3]
    assert calls["cheaptrick"][1] == {"f0_floor": 71.0}
    (f0_made, envelope, rough, *rest), _ = calls["synthesize"]
    assert rest == [RATE, 5.0] and np.array_equal(f0_made, f0)
    assert envelope[2, 9] == 30.0 and np.array_equal(rough, pyworld.rough(len(f0)))


@pytest.mark.parametrize(("sex", "seed"), [("m", 4), ("f", 4), ("?", 0), ("?", 1), ("?", 2)])
def test_conversion_is_towards_the_other_sex(pyworld, tmp_path, sex, seed):
    made(write_phrase(tmp_path / "a.wav"), "conversion", sex=sex, seed=seed)
    draw = random.Random(seed)
    upwards = draw.random() < 0.5 if sex == "?" else sex == "m"
    warp, register = draw.uniform(1.1, 1.22), draw.uniform(1.35, 1.7)
    if not upwards:
        warp, register = 1 / warp, 1 / register
    ((f0, envelope, rough, *rest), _) = pyworld.calls[-1][1:]
    plain = pyworld.f0(finished(phrase(), 1.3), 5.0)
    assert f0 == pytest.approx(plain * register)
    bins = np.arange(513)
    heard = np.log(1.0 + 2 + bins**1.5)  # of the third frame
    assert np.log(envelope[2]) == pytest.approx(np.interp(bins / warp, bins, heard))
    heard = pyworld.rough(len(f0))[7]
    assert rough[7] == pytest.approx(np.interp(bins / warp, bins, heard))
    assert rest == [RATE, 5.0]


def test_stretched_frames_hold_their_last_value_above():
    frames = np.array([[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 3.0, 1.0]])
    assert world.stretch(frames, 0.5).tolist() == [[1, 4, 8, 8], [0, 3, 1, 1]]
    assert world.stretch(frames, 2.0) == pytest.approx(np.array([[1, 1.5, 2, 3], [0, 0, 0, 1.5]]))


def test_a_source_is_finished_and_a_short_one_is_refused(tmp_path):
    path = write_phrase(tmp_path / "a.wav")
    asked = request(path, "world", max_seconds=0.9)
    assert np.array_equal(batch.source(asked), finished(phrase(), 0.9))
    for seconds in (0.8, 0.7999):
        outcome = batch.outcome(
            lambda _, s=seconds: phrase(), request(path, "", max_seconds=seconds)
        )
        assert isinstance(outcome, Failure) == (seconds < 0.8)
    assert outcome.reason == "made 0.80 s of speech, wanted 0.8 s or more"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(bad):
    wave = phrase()
    wave[9] = bad
    with pytest.raises(batch.SynthesisError, match="^made samples that are not numbers$"):
        batch.finish(wave, 1.0)
