"""Masks, companding, trimming, speed, filters, noise and rooms, each against its formula."""

import cmath
import math
from fractions import Fraction

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, firwin

from antispoof.augment.checks import require_range
from antispoof.augment.recordings import Noise
from antispoof.augment.waveform import Filter, MuLaw, Speed, TimeMask, Trim, uniform

RATE = 16000


def noise(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


def test_a_uniform_draw_lies_between_its_ends():
    rng, still = np.random.default_rng(3), np.random.default_rng(3)
    for ends in ((2, 5), (-7, -1), (4, 4), (-3, 3)):
        assert uniform(rng, ends) == pytest.approx(
            ends[0] * (1 - (u := still.random())) + ends[1] * u
        )


def test_the_defaults_are_those_that_are_documented():
    assert (TimeMask().share, MuLaw().bits, Trim().level) == ((0.2, 0.5), 8, -40.0)
    assert (Noise().folder, Noise().under, Noise().snr) == ("", (), (5, 20))
    assert (Speed().factors, Filter().order) == ((0.9, 1.0, 1.1), 2)
    assert (Filter().low, Filter().high) == ((20, 400), (3000, 7900))


@pytest.mark.parametrize("share", [(0.2, 0.5), (0, 0), (1, 1), (0.3, 1)])
@pytest.mark.parametrize("length", [1, 10, 997])
def test_a_mask_is_a_stretch_of_zeros_anywhere(share, length):
    mask, wave = TimeMask(share), noise(length) + 1
    rng, still, starts = np.random.default_rng(1), np.random.default_rng(1), set()
    for _ in range(30):
        drawn = mask.draw(rng, length)
        count = int(length * uniform(still, share))
        start = int(still.integers(0, length - count, endpoint=True))
        assert drawn == {"start": start, "count": count}
        wanted = [0 if start <= n < start + count else wave[n] for n in range(length)]
        np.testing.assert_array_equal(mask.apply(wave, drawn), wanted)
        starts.add(start)
    assert (wave != 0).all()


@pytest.mark.parametrize("bits", [2, 8, 11])
def test_mu_law_is_its_formula_sample_by_sample(bits):
    wave = np.concatenate([noise(300) * 2.4, [0, 1, -1, 1e-4, -1e-4]]).astype(np.float32)
    mu, wanted = 2**bits - 1, []
    for x in (min(max(float(x), -1), 1) for x in wave):
        y = math.copysign(math.log(1 + mu * abs(x)) / math.log(1 + mu), x)
        level = round((y + 1) / 2 * mu)  # one of 2^bits
        y = 2 * level / mu - 1
        wanted.append(math.copysign(((1 + mu) ** abs(y) - 1) / mu, y))
    found = MuLaw(bits).apply(wave, MuLaw(bits).draw(None, len(wave)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def level_wave(levels, size=160, rest=37):
    """10 ms at each level in dB, None for silence, and a rest."""
    parts = [np.full(size, 0 if dB is None else 10 ** (dB / 20)) * (-1) ** np.arange(size)
             for dB in levels]  # fmt: skip
    return np.concatenate([*parts, np.zeros(rest)]).astype(np.float32)


@pytest.mark.parametrize(("level", "levels", "cut"), [
    (-40, [None, -70, -55, -20, -10, -60], 3),
    (-40, [-50.5, -49.5, -10], 1),
    (-40, [-49.5, -70, -10], 0),  # what is quiet later stays
    (-20, [-49.5, -31, -29, -10], 2),
    (-60, [None, -69, -10, None], 1),
    (-40, [None, None], 0),
    (-40, [], 0),
])  # fmt: skip
def test_silence_ends_where_ten_milliseconds_reach_the_level(level, levels, cut):
    wave = level_wave(levels)
    trim = Trim(level)
    np.testing.assert_array_equal(trim.apply(wave, trim.draw(None, 1)), wave[160 * cut :])


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1, 0.5, 2.0, 1.25])
def test_speed_is_resampling_by_its_inverse(factor):
    ratio = Fraction(factor).limit_denominator(1000)
    up, down, wave = ratio.denominator, ratio.numerator, noise(400)
    half = 10 * max(up, down)
    h = np.ones(1)
    if up != down:
        h = up * firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0))
    stuffed = np.zeros(400 * up)
    stuffed[::up] = wave
    wanted = np.convolve(stuffed, h)[len(h) // 2 :][: 400 * up : down]
    found = Speed().apply(wave, {"factor": factor})
    assert len(found) == math.ceil(400 / factor - 1e-9)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_every_speed_is_as_likely():
    rng, factors = np.random.default_rng(0), [0.8, 1, 1.3, 1.3]
    drawn = [Speed(factors).draw(rng, 5)["factor"] for _ in range(800)]
    assert set(map(type, drawn)) == {float}
    assert [drawn.count(f) for f in (0.8, 1, 1.3)] == pytest.approx([200, 200, 400], abs=50)
    assert {Speed().draw(rng, 5)["factor"] for _ in range(50)} == {0.9, 1.0, 1.1}


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_filter_is_a_butterworth_band(order):
    band, edges = Filter(order=order), (310.0, 3550.0)
    impulse = np.zeros(8192, np.float32)
    impulse[0] = 1
    found = band.apply(impulse, {"low": edges[0], "high": edges[1]})
    assert found.dtype == np.float32
    gains = np.abs(np.fft.rfft(found.astype(float)))
    b, a = butter(order, [edge / (RATE / 2) for edge in edges], "bandpass")
    for n in (60, 159, 500, 1000, 1818, 2500, 3900):  # of 4096 steps up to 8 kHz
        z = cmath.exp(-1j * math.pi * n / 4096)
        wanted = abs(
            sum(c * z**k for k, c in enumerate(b)) / sum(c * z**k for k, c in enumerate(a))
        )
        assert gains[n] == pytest.approx(wanted, abs=2e-3)
    at_edge = np.interp([edge * 4096 / 8000 for edge in edges], np.arange(4097), gains)
    assert at_edge == pytest.approx([math.sqrt(0.5)] * 2, abs=0.01)


def test_a_filter_draws_each_edge_from_its_own_range():
    rng, still = np.random.default_rng(5), np.random.default_rng(5)
    band = Filter(low=(30, 90), high=(2000, 7000))
    for _ in range(20):
        drawn = band.draw(rng, 9)
        assert drawn == {"low": uniform(still, (30, 90)), "high": uniform(still, (2000, 7000))}


@pytest.mark.parametrize(("make", "fine"), [
    (lambda: Filter(low=(1, 1), high=(7999, 7999)), True),
    (lambda: Filter(low=(0.9, 1)), False), (lambda: Filter(high=(3000, 7999.5)), False),
    (lambda: Filter(low=(20, 3000)), False), (lambda: Filter(low=(20, 2999)), True),
    (lambda: Filter(order=0), False), (lambda: Filter(order=1), True),
    (lambda: Speed([0.25, 4]), True), (lambda: Speed([0.24]), False), (lambda: Speed([4.1]), False),
    (lambda: Speed([]), False), (lambda: Speed([True]), False),
    (lambda: MuLaw(2), True), (lambda: MuLaw(16), True), (lambda: MuLaw(1), False),
    (lambda: MuLaw(17), False), (lambda: Trim(-1e-9), True), (lambda: Trim(0.0), False),
    (lambda: TimeMask((0, 1)), True), (lambda: TimeMask((-0.1, 1)), False),
    (lambda: TimeMask((0.5, 0.4)), False), (lambda: TimeMask((0.5, 0.5)), True),
    (lambda: Noise(snr=(20, 5)), False), (lambda: Noise(snr=(-5, -5)), True),
    (lambda: require_range("x", (1,)), False), (lambda: require_range("x", (1, 2, 3)), False),
    (lambda: require_range("x", (1, math.inf)), False), (lambda: require_range("x", 3), False),
    (lambda: require_range("x", (False, True)), False),
])  # fmt: skip
def test_settings_at_the_edge_are_taken_and_those_behind_it_refused(make, fine):
    if fine:
        make()
        return
    with pytest.raises(ValueError, match="' is .*, wanted "):
        make()


@pytest.fixture
def folder(tmp_path):
    """Noises that are shorter, as long and longer than a wave of 500 samples."""
    for name, count in (
        ("a/n1.wav", 200),
        ("a/n2.FLAC", 500),
        ("b/n3.wav", 503),
        ("b/c/n4.wav", 9),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        both = np.stack([noise(count, count), noise(count, 1)], 1)
        soundfile.write(tmp_path / name, both, RATE, subtype="PCM_16")
    (tmp_path / "b" / "notes.txt").write_text("no sound")
    (tmp_path / "b" / "folder.wav").mkdir()
    return tmp_path


def test_a_noise_is_a_drawn_stretch_of_a_drawn_file_at_a_drawn_ratio(folder):
    wave, link = noise(500, 9), Noise(folder=str(folder), snr=(-4, 15))
    rng, still, seen = np.random.default_rng(2), np.random.default_rng(2), set()
    files = ["a/n1.wav", "a/n2.FLAC", "b/c/n4.wav", "b/n3.wav"]
    for _ in range(150):
        drawn = link.draw(rng, 500)
        snr = uniform(still, (-4, 15))
        name = files[still.integers(4)]
        start = int(still.integers((3 if name == "b/n3.wav" else 0) + 1))
        assert drawn == {"snr": snr, "file": name, "start": start}
        sound = soundfile.read(folder / name, always_2d=True)[0][start : start + 500, 0]
        added = np.array([sound[n % len(sound)] for n in range(500)])
        scale = math.sqrt(sum(wave.astype(float) ** 2) / sum(added**2)) / 10 ** (snr / 20)
        found = link.apply(wave, drawn)
        np.testing.assert_allclose(found, wave + scale * added, atol=1e-5)
        assert found.dtype == np.float32
        seen.add((name, start))
    assert len(seen) == 7  # each file, and each place in the longer one


def test_white_noise_is_normal_and_exact_in_its_ratio():
    wave, rng = noise(20000), np.random.default_rng(4)
    still = np.random.default_rng(4)
    drawn = Noise().draw(rng, 20000)
    assert drawn["snr"] == uniform(still, (5, 20))
    white = still.standard_normal(20000, np.float32)
    np.testing.assert_array_equal(drawn["noise"], white)
    added = Noise().apply(wave, drawn) - wave
    ratio = 10 * math.log10(sum(wave.astype(float) ** 2) / sum(added.astype(float) ** 2))
    assert ratio == pytest.approx(drawn["snr"], abs=1e-3)
    silent = {"snr": 5.0, "noise": np.zeros(20000, np.float32)}
    np.testing.assert_array_equal(Noise().apply(wave, silent), wave)
