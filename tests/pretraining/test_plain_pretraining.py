"""Pre-training in plain code: batches, rates, the loss of a step, draws of an epoch, the curve."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from antispoof.errors import UserError
from antispoof.pretraining import pretrain as pretraining
from antispoof.pretraining.pretrain import COLUMNS, PRETRAINING, Pretrainer, draw_batches, pretrain

CONFIG = {**PRETRAINING, "seed": 3, "epochs": 4, "batch_size": 2, "crop_seconds": 0.5}
CONFIG |= {"heard_weight": 0.25, "features_penalty": 3.0, "lr": 0.5, "warm_up": 0.25}


def plain_batches(frames, longest, batch_size, rng):
    """Shuffle; sort within pools of 16 batches; cut into batches; shuffle these; cut each."""
    names = list(frames)
    order = [names[i] for i in rng.permutation(len(names))]
    pools = [order[i : i + 16 * batch_size] for i in range(0, len(order), 16 * batch_size)]
    batches = []
    for pool in pools:
        pool = sorted(pool, key=lambda utt: frames[utt])
        while pool:
            batches.append(pool[:batch_size])
            pool = pool[batch_size:]
    for i in rng.permutation(len(batches)):
        count = min([longest, *[frames[utt] for utt in batches[i]]])
        places = [(utt, rng.integers(0, frames[utt] - count, endpoint=True)) for utt in batches[i]]
        yield places, count


@pytest.mark.parametrize(("utts", "batch_size", "longest"), [(7, 2, 12), (75, 2, 25), (40, 1, 99)])
def test_batches_are_those_of_the_plain_draw(utts, batch_size, longest):
    frames = {f"utt{number}": 10 + number * 7 % 30 for number in range(utts)}
    found = list(draw_batches(frames, longest, batch_size, np.random.default_rng(5)))
    assert found == list(plain_batches(frames, longest, batch_size, np.random.default_rng(5)))


class Tiny(torch.nn.Module):
    """Stands for a HuBERT: one number that scales all losses, and one that nothing reads."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(2.0))
        self.drop = torch.nn.Dropout(0.5)


@pytest.fixture
def learner(monkeypatch):
    monkeypatch.setattr(pretraining, "build_hubert", lambda config: Tiny())
    return Pretrainer(CONFIG, {}, {}, 5)


def test_rates_rise_over_a_share_of_the_steps_and_fall_along_a_cosine(learner):
    """4 epochs of 5 steps, a quarter of which rises."""
    found = []
    for _ in range(22):
        found.append(learner.schedule.get_last_lr()[0])
        learner.optimizer.step()
        learner.schedule.step()
    rates = [0.5 * (step + 1) / 5 for step in range(5)]
    rates += [0.5 * (1 + math.cos(math.pi * step / 15)) / 2 for step in range(15)]
    assert found == pytest.approx([*rates, 0.0, 0.0], abs=1e-12)
    group = learner.optimizer.param_groups[0]
    assert type(learner.optimizer) is torch.optim.AdamW
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.98), 1e-6, 0.01)
    assert learner.longest == (8000 - 400) // 320 + 1  # frames of half a second


def test_without_a_warm_up_the_first_step_has_the_whole_rate(monkeypatch):
    monkeypatch.setattr(pretraining, "build_hubert", lambda config: Tiny())
    one, found = Pretrainer({**CONFIG, "epochs": 1, "warm_up": 0.0}, {}, {}, 4), []
    for _ in range(4):
        found.append(one.schedule.get_last_lr()[0])
        one.optimizer.step()
        one.schedule.step()
    assert found == pytest.approx([0.5, 0.5, 0.375, 0.125])  # then thirds of half a cosine


LOSSES = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
HIDDEN = torch.tensor([[True, False, False], [True, True, False]])
RIGHT = torch.tensor([[True, True, False], [False, True, True]])


def predict_with(factor=1.0):
    def predict(model, waves, units):
        return factor * model.scale * LOSSES, RIGHT, HIDDEN, 5.0 * model.scale

    return predict


@pytest.mark.parametrize("clip", [1e9, 0.5, 0.0])  # 0: none, as in training
def test_the_gradient_of_a_step_is_that_of_the_weighted_mean_and_the_penalty(
    learner, monkeypatch, clip
):
    monkeypatch.setattr(pretraining, "predict", predict_with())
    learner.config = {**CONFIG, "grad_clip": clip}
    hidden, heard = learner.step(None, None, True, 1)
    # losses are 2 x LOSSES: hidden 1, 8, 16 and heard 2, 4, 32; right 2 of 3 and 2 of 3
    assert hidden == [2 * 25.0, 2, 3]
    assert heard == [2 * 38.0, 2, 3]
    slope = (25 + 0.25 * 38) / (3 + 0.25 * 3) + 3.0 * 5
    assert learner.model.scale.grad.item() == pytest.approx(min(slope, clip or 1e9), rel=1e-5)
    assert learner.schedule.last_epoch == 1
    assert learner.model.scale.item() != 2.0


def test_gradients_do_not_add_up_from_step_to_step(learner, monkeypatch):
    monkeypatch.setattr(pretraining, "predict", predict_with())
    learner.config = {**CONFIG, "grad_clip": 1e9}
    learner.step(None, None, True, 1)
    first = learner.model.scale.grad.item()
    learner.step(None, None, True, 1)
    assert learner.model.scale.grad.item() == pytest.approx(first)


@pytest.mark.parametrize(("learn", "factor"), [(False, 1.0), (True, math.nan), (False, math.inf)])
def test_what_is_not_learnt_from_changes_nothing(learner, monkeypatch, learn, factor):
    monkeypatch.setattr(pretraining, "predict", predict_with(factor))
    if factor == 1.0:
        learner.step(None, None, learn, 0)
    else:
        with pytest.raises(UserError, match=r"the loss is (nan|inf) in epoch 7; lower lr"):
            learner.step(None, None, learn, 7)
    assert (learner.model.scale.item(), learner.model.scale.grad) == (2.0, None)
    assert learner.schedule.last_epoch == 0


def watch_steps(learner, monkeypatch):
    """Make `step` give made-up sums; returns what it was called with, and with which draws."""
    seen = []

    def step(waves, units, learn, epoch):
        draws = torch.rand(()).item(), np.random.random()
        mode = learner.model.training, torch.is_grad_enabled()
        seen.append(SimpleNamespace(batch=(waves, units), learn=(learn, epoch, *mode), draws=draws))
        number = len(seen)
        return [[10.0 * number, 1, 4 * number], [3.0, 2 * number, 5]]

    monkeypatch.setattr(learner, "step", step)
    monkeypatch.setattr(learner, "_load", lambda places, count: (places, count))
    return seen


UNITS = {f"utt{number}": torch.zeros(10 + number) for number in range(5)}


@pytest.mark.parametrize("learn", [True, False])
def test_a_pass_gives_means_over_frames_and_draws_from_seed_and_epoch(learner, monkeypatch, learn):
    learner.units = {**UNITS, "other": torch.zeros(9)}
    seen = watch_steps(learner, monkeypatch)
    found = learner.run(list(UNITS), 6, learn=learn)
    assert found == pytest.approx([60 / 24, 3 / 24, 9 / 15, 12 / 15])  # of three batches
    frames = {utt: len(units) for utt, units in UNITS.items()}
    rng = np.random.default_rng((3, 6))
    assert [call.batch for call in seen] == list(plain_batches(frames, 24, 2, rng))
    assert {call.learn for call in seen} == {(learn, 6, learn, learn)}
    torch.manual_seed(3 * 100003 + 6)
    masks = np.random.RandomState((3 * 100003 + 6) % 2**32)
    assert [call.draws for call in seen] == [
        (torch.rand(()).item(), masks.random_sample()) for _ in seen
    ]


def test_a_batch_holds_the_samples_of_its_frames(learner, tmp_path):
    waves = {}
    for number, samples in enumerate((8000, 7000)):
        path = tmp_path / f"{number}.wav"
        wave = np.arange(samples, dtype=np.float32) / 10000 - number / 10
        soundfile.write(path, wave, 16000, subtype="FLOAT")
        waves[f"utt{number}"] = wave
        learner.wavs[f"utt{number}"] = str(path)
        learner.units[f"utt{number}"] = torch.arange(21, dtype=torch.int16) + 50 * number
    found, units = learner._load([("utt1", 3), ("utt0", 0)], 4)
    samples = 400 + 3 * 320  # of four frames
    assert found.shape == (2, samples)
    assert found[0].tolist() == waves["utt1"][3 * 320 : 3 * 320 + samples].tolist()
    assert found[1].tolist() == waves["utt0"][:samples].tolist()
    assert units.tolist() == [[53, 54, 55, 56], [0, 1, 2, 3]]
    assert units.dtype == torch.int64


class Recorder:
    """Stands for the Pretrainer: tells what it was asked, and counts its epochs."""

    calls = []  # noqa: RUF012

    def __init__(self, config, wavs, units, steps_per_epoch):
        self.model, self.done = Tiny(), 0
        self.calls.append(("steps", steps_per_epoch))
        self.schedule = SimpleNamespace(get_last_lr=lambda: [0.1 * self.done])

    def run(self, utts, epoch, learn=True):
        self.calls.append((list(utts), epoch, learn))
        self.done += learn
        return [epoch + 0.25, 0.5, 0.125, 1 / 3] if learn else [7.0, 0.75, 8.0, 0.0625]

    def state_dict(self):
        return {"done": self.done}

    def load_state_dict(self, state):
        self.done = state["done"]


@pytest.fixture
def recorded(monkeypatch):
    """`pretrain` of seven utterances, of which the first, fourth and last are held out."""
    Recorder.calls = []
    units = {f"utt{number}": torch.zeros(9) for number in range(7)}
    monkeypatch.setattr(pretraining, "Pretrainer", Recorder)
    monkeypatch.setattr(pretraining, "bonafide_waves", lambda data_dir: dict.fromkeys(units, "x"))
    monkeypatch.setattr(pretraining, "find_units", lambda wavs, config, path: units)
    monkeypatch.setattr(pretraining, "in_s3prl_form", lambda model, config: {"model": "form"})
    return Recorder.calls


def test_the_held_out_are_never_learnt_from_and_the_curve_has_both(recorded, tmp_path):
    config, lines = {**CONFIG, "held_out": 3}, []
    pretrain({**config, "epochs": 1}, "data", tmp_path, lines.append)
    pretrain({**config, "epochs": 3}, "data", tmp_path, lines.append)
    learnt, held = ["utt1", "utt2", "utt4", "utt5"], ["utt0", "utt3", "utt6"]
    both = [[(learnt, epoch, True), (held, 0, False)] for epoch in (1, 2, 3)]
    assert recorded == [("steps", 2), *both[0], ("steps", 2), *both[1], *both[2]]
    assert "continuing after epoch 1" in lines
    assert "7 bona fide utterances, 7 of 0.5 s or more" in lines
    expected = [",".join(COLUMNS)]
    for epoch in (1, 2, 3):
        expected.append(f"{epoch},{0.1 * epoch:.6g},{epoch}.25,0.5,0.125,0.333333,7,0.75,8,0.0625")
    assert (tmp_path / "curve.csv").read_text().splitlines() == expected
    assert torch.load(tmp_path / "upstream.pt", weights_only=True) == {"model": "form"}
    assert COLUMNS == (
        "epoch", "lr", "loss", "accuracy", "heard_loss", "heard_accuracy", "held_out_loss",
        "held_out_accuracy", "held_out_heard_loss", "held_out_heard_accuracy",
    )  # fmt: skip
    with pytest.raises(UserError, match="data: holds 7 utterances to learn from"):
        pretrain({**config, "held_out": 1}, "data", tmp_path / "none", lines.append)
