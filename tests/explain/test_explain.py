"""What is marked in a sound is what the model listens to; random masks are not."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from own_upstreams import write_distillmos

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.explain import occlusion
from antispoof.explain.occlusion import Curve
from antispoof.explain.patches import FILLS, Patches
from antispoof.ssl import distillmos_file


class Band:
    """A detector of no parameter: the more energy of 1 to 2 kHz from 0.5 to 1 s, the less."""

    seconds, systems, calibrated = 2.0, (), True

    def __init__(self, sign=-1, offset=3.0):
        self.sign, self.offset, self.calls = sign, offset, []

    def scores(self, sounds, *_):
        self.calls.append(len(sounds))
        return np.array([self.offset + self.sign * level(sound.wave) for sound in sounds])


def level(wave):
    power = np.abs(np.fft.rfft(wave[8000:16000])) ** 2
    hertz = np.fft.rfftfreq(8000, 1 / 16000)
    return np.log10(power[(hertz >= 1000) & (hertz < 2000)].sum() + 1)


@pytest.fixture(scope="module")
def wave():
    return (0.1 * np.random.default_rng(0).standard_normal(32000)).astype(np.float32)


@pytest.fixture(scope="module")
def found(wave):
    return Detector(Band()).explain((wave, 16000), columns=8, bands=8, draws=5)


def inside(found):
    """(F, T) bool: the patches that the model listens to."""
    low, high = found.bands[:-1], found.bands[1:]
    first, last = found.times[:-1], found.times[1:]
    return ((low >= 1000) & (high <= 2000))[:, None] & ((first >= 0.5) & (last <= 1))[None]


@pytest.mark.parametrize("fill", FILLS)
def test_what_the_model_listens_to_is_marked_and_nothing_else(wave, fill):
    found = Detector(Band()).explain((wave, 16000), columns=8, bands=8, fill=fill, draws=2)
    listened = inside(found)
    assert listened.sum() == 2
    if fill != "mean":  # noise at its own level: nothing is taken out of noise
        assert found.decision == "spoof"
        assert found.effect[listened].max() < -0.15
        assert np.abs(found.effect[~listened]).max() < 0.02
        assert set(np.flatnonzero(found.by_time < -0.15)) == {2, 3}
        assert set(np.flatnonzero(found.by_band < -0.15)) == {1}
    else:
        assert np.abs(found.effect).max() < 0.05


def test_evidence_for_bona_fide_is_above_0(wave):
    found = Detector(Band(sign=1, offset=0.0)).explain((wave, 16000), columns=8, bands=8, draws=1)
    assert found.decision == "bonafide"
    assert found.effect[inside(found)].min() > 0.15
    assert found.deletion.direction == -1 and found.insertion.direction == 1
    assert found.deletion.marked[0] == found.insertion.marked[-1] == found.llr
    assert found.deletion.area > found.deletion.random_areas.mean()


def test_an_effect_is_the_llr_less_that_without_the_patch(wave, found):
    patches = Patches(wave, 8, 8)
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 1, 2] = True
    without = 3 - level(patches.without(mask)[0])
    assert found.llr == pytest.approx(3 - level(wave))
    assert found.effect[1, 2] == pytest.approx(found.llr - without)


def test_curves_of_what_is_marked_lie_outside_those_of_random_orders(found):
    for curve in (found.deletion, found.insertion):
        assert curve.area > curve.random_areas.max()
        assert curve.random.shape == (5, len(curve.shares))
        assert (curve.shares[0], curve.shares[-1]) == (0, 1)
        assert np.ptp(curve.random[:, 0]) == np.ptp(curve.random[:, -1]) == 0
    assert found.deletion.marked[0] == found.insertion.marked[-1] == found.llr
    assert found.deletion.marked[-1] == found.insertion.marked[0] != found.llr
    # the two patches that matter are the first to go, and the first to come back
    assert found.deletion.marked[1] == pytest.approx(found.deletion.marked[-1], abs=0.05)
    assert found.insertion.marked[1] == pytest.approx(found.llr, abs=0.05)


def test_an_area_is_the_mean_of_how_far_the_llr_moves():
    shares, llrs = np.array([0.0, 0.25, 1.0]), np.array([1.0, 3.0, 3.0])
    curve = Curve(shares, llrs, np.array([llrs, 2 - llrs]), 1)
    assert curve.area == pytest.approx(0.25 * 1 + 0.75 * 2)
    assert curve.random_areas == pytest.approx([1.75, -1.75])
    assert Curve(shares, llrs, llrs[None], -1).area == pytest.approx(-1.75)


def test_random_orders_are_those_of_the_seed(wave, found):
    options = {"columns": 8, "bands": 8, "draws": 5}
    again = Detector(Band()).explain((wave, 16000), **options)
    other = Detector(Band()).explain((wave, 16000), **options, seed=1)
    assert np.array_equal(again.deletion.random, found.deletion.random)
    assert not np.array_equal(other.deletion.random, found.deletion.random)


def test_sounds_are_scored_in_batches_of_a_minute(wave):
    model = Band()
    Detector(model).explain((wave, 16000), columns=8, bands=8, draws=5)
    assert model.calls == [30, 30, 21, 15]
    assert sum(model.calls) == (1 + 64 + 8 + 8) + (7 * 2 + 1)


def test_four_seconds_are_explained_by_74_scorings():
    model, wave = Band(), 0.1 * np.random.default_rng(0).standard_normal(64000)
    found = Detector(model).explain((wave, 16000))
    assert sum(model.calls) == (1 + 48 + 8 + 6) + (5 * 2 + 1) == 74
    assert found.effect.shape == (6, 8) and found.deletion.random.shape == (3, 4)


@pytest.mark.parametrize("length", [1, 100, 300, 16001, 30000])
def test_a_mask_without_a_patch_leaves_the_sound_as_it_is(length):
    wave = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    for fill in FILLS:
        patches = Patches(wave, 1, 4, fill)
        some, none = patches.without(np.array([[[1], [0], [0], [1]], [[0]] * 4], bool))
        assert np.array_equal(none, wave)
        assert some.shape == wave.shape and not np.array_equal(some, wave)


def test_silence_is_silent_where_all_is_taken_out_and_the_rest_stays():
    wave = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    patches = Patches(wave, 4, 8, "silence")
    masks = np.zeros((2, 8, 4), bool)
    masks[0], masks[1, :, 1] = True, True
    every, second = patches.without(masks)
    assert np.abs(every).max() < 1e-5
    assert np.array_equal(second[:7000], wave[:7000])
    assert np.abs(second[9000:15000]).max() < 1e-5
    assert second[17000:] == pytest.approx(wave[17000:], abs=1e-6)


def test_background_is_quieter_than_the_mean_and_of_the_sound_s_own_colour():
    rng = np.random.default_rng(0)
    wave = rng.standard_normal(64000) * np.where(np.arange(64000) % 16000 < 8000, 1, 0.1)
    wave = np.convolve(wave, np.ones(8) / 8, "same").astype(np.float32)  # low-pass
    every = np.ones((1, 1, 1), bool)
    quiet, mean = (Patches(wave, 1, 1, fill).without(every)[0] for fill in ("background", "mean"))
    power = {"sound": wave, "quiet": quiet, "mean": mean}
    power = {name: np.abs(np.fft.rfft(x)) ** 2 for name, x in power.items()}
    low, high = slice(0, 8000), slice(24000, 32000)
    assert 0.5 < power["mean"].sum() / power["sound"].sum() < 2
    assert power["quiet"].sum() < 0.02 * power["sound"].sum()
    for name in ("quiet", "mean"):
        assert power[name][low].sum() > 10 * power[name][high].sum()


def test_of_a_long_sound_the_window_of_the_lowest_llr_is_explained():
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal(16000 * 20)).astype(np.float32)
    wave[136000:144000] *= 3  # in the window from 8 s: from 0.5 to 1 s of it
    found = Detector(Band()).explain((wave, 16000), columns=2, draws=1)
    assert (found.start, found.times[0], found.times[-1]) == (8.0, 8.0, 10.0)
    assert np.array_equal(found.wave, wave[16000 * 8 : 16000 * 10])
    assert found.llr == pytest.approx(3 - level(found.wave))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fill": "noise"}, "'fill' is 'noise', wanted one of background, mean, silence"),
        ({"bands": 0}, "found 8 columns and 0 bands"),
        ({"columns": 600}, "found 600 columns and 8 bands, wanted 1 to 251 columns"),
        ({"draws": 0}, "found 0 draws, wanted 1 or more"),
    ],
)
def test_what_cannot_be_explained_is_one_line(wave, options, words):
    with pytest.raises(UserError, match=words):
        Detector(Band()).explain((wave, 16000), **{"columns": 8, "bands": 8, **options})
    with pytest.raises(UserError, match="array: holds no sample"):
        Detector(Band()).explain((np.zeros(0), 16000))


class Passes:
    """A detector by a small pass over Distill-MOS, whose frames it counts."""

    seconds, systems, calibrated = 2.0, (), True

    def __init__(self, path):
        self.model, self.frames = distillmos_file.load(path), 0
        self.model.convolutions.layers[0].register_forward_pre_hook(self.count)

    def count(self, _, args):
        self.frames += args[0].shape[3]

    @torch.inference_mode()
    def scores(self, sounds, *_):
        states = [self.model([torch.from_numpy(one.wave)])["hidden_states"] for one in sounds]
        return np.array([sum(x[0, :, 0].mean() for x in own).item() for own in states])


def test_patches_of_a_column_cost_a_column_and_have_the_effects_of_whole_sounds(
    wave, tmp_path, monkeypatch
):
    write_distillmos(tmp_path / "weights.pt")
    model = Passes(tmp_path / "weights.pt")
    short = (wave[:24000].copy(), 16000)
    short[0][700] = 0.9  # the peak, in the first column: without it, all is louder
    found = Detector(model).explain(short, columns=4, bands=2, draws=1)
    cheap, model.frames = model.frames, 0
    monkeypatch.setattr(occlusion, "ALIKE", SimpleNamespace(open=contextlib.nullcontext))
    whole = Detector(model).explain(short, columns=4, bands=2, draws=1)
    scale = np.abs(whole.effect).max()
    for name in ("effect", "by_time", "by_band"):
        assert np.abs(getattr(found, name) - getattr(whole, name)).max() < 1e-4 * scale
    assert found.llr == whole.llr
    assert found.deletion.marked == pytest.approx(whole.deletion.marked, abs=1e-4 * scale)
    scored = 1 + 8 + 4 + 2 + 3 * 2 + 1
    assert model.frames == scored * 150
    spared = model.frames - cheap  # of three columns, over half of each of their 9 patches
    assert spared > 9 * 0.5 * 150
