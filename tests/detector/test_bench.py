"""A detector as speech-spoof-bench calls it: load, batches of sounds, unload."""

import numpy as np
import pytest

from antispoof import Detector
from antispoof.detector.bench import SpoofBenchModel
from antispoof.errors import UserError


class Loudness:
    """A detector of no parameter: the louder, the less bona fide."""

    seconds, systems, calibrated = 1.0, (), True

    def scores(self, sounds, *_):
        return np.array([-float(np.square(sound.wave).mean()) for sound in sounds])


@pytest.fixture
def model(monkeypatch):
    opened = []

    def load(place):
        opened.append(place)
        return Detector(Loudness())

    monkeypatch.setattr(Detector, "load", load)
    monkeypatch.setenv("ANTISPOOF_MODEL", "exp/fusion_seed1")
    model = SpoofBenchModel()
    model.opened = opened
    return model


def test_scores_are_llrs_in_the_order_of_the_batch(model):
    sounds = [np.full(16000, size, np.float32) for size in (0.1, 0.5, 0.2, 0.5)]
    assert (model.name, model.expected_sample_rate, model.opened) == ("fusion_seed1", 16000, [])
    model.load()
    assert model.opened == ["exp/fusion_seed1"]
    found = model.score_batch(sounds, [16000] * 4)
    assert found == pytest.approx([-0.01, -0.25, -0.04, -0.25])
    assert all(isinstance(score, float) for score in found)
    assert model.score(sounds[2], np.int64(16000)) == pytest.approx(-0.04)
    assert 1 <= len(sounds) <= model.batch_size
    model.unload()
    with pytest.raises(UserError, match="found score_batch before load"):
        model.score_batch(sounds, [16000] * 4)


def test_a_sound_that_cannot_be_scored_raises_so_that_it_is_skipped(model):
    model.load()
    bad = np.array([0.1, np.nan] * 800, np.float32)
    with pytest.raises(UserError, match="is nan"):
        model.score_batch([np.zeros(1600, np.float32), bad], [16000, 16000])


def test_a_subclass_names_its_experiment(model, monkeypatch):
    class Own(SpoofBenchModel):
        name, exp_dir = "own detector", "exp/own_seed1"

    own = Own()
    own.load()
    assert (own.name, model.opened) == ("own detector", ["exp/own_seed1"])
    monkeypatch.delenv("ANTISPOOF_MODEL")
    with pytest.raises(UserError, match="ANTISPOOF_MODEL: is not set, wanted the folder"):
        SpoofBenchModel().load()


def test_a_model_without_llrs_is_refused(model, monkeypatch):
    monkeypatch.setattr(Loudness, "calibrated", False)
    with pytest.raises(UserError, match="gives no LLR, wanted it calibrated"):
        model.load()


def test_silence_without_an_llr_raises_so_that_it_is_skipped(model, monkeypatch):
    def refuses(*_):
        raise UserError("its features are not finite; silent?")

    model.load()
    monkeypatch.setattr(Loudness, "scores", refuses)
    with pytest.raises(UserError, match="has no LLR: silent"):
        model.score(np.zeros(16000, np.float32), 16000)
