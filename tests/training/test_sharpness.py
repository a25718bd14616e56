"""Steps of SAM and ASAM against their formulas, and what they leave alone."""

import math

import pytest
import torch
from plain_costs import config
from torch import nn

from antispoof.errors import UserError
from antispoof.models import MODELS
from antispoof.models.back_end import BackEnd
from antispoof.training import learner as training
from antispoof.training.learner import Learner
from antispoof.training.phases import phases_of
from antispoof.training.sharpness import uphill


class Normed(BackEnd):
    """A batch norm over 8 samples, and a layer."""

    def __init__(self):
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(8), nn.Linear(8, 2)

    def forward(self, x, lengths):
        return self.last(self.norm(x))


class Sounds(list):
    """Utterances as inputs give them, enough of them to make a learner."""

    utts, epoch = ("a", "b", "c", "d"), 0


def learner_of(monkeypatch, **departures):
    monkeypatch.setitem(MODELS, "normed", Normed)
    own = {"optimizer": "sgd", "optimizer_conf": {"lr": 0.5, "weight_decay": 0.0, "momentum": 0.0}}
    own = config(model="normed", grad_clip=0.0, **own) | departures
    return Learner(own, Sounds("abcd"), torch.tensor([0, 1, 1, 0]), torch.device("cpu"), "x")


def parts_of(cuts=(4,)):
    x = torch.randn(4, 8, generator=torch.Generator().manual_seed(3))
    lengths, start = torch.full((4,), 8), 0
    for count in cuts:
        own = slice(start, start + count)
        yield True, x[own], lengths[own], list(range(4))[own]
        start += count


def gradients(model, weights):
    """{name: gradient} of the mean cross-entropy of the batch, at `weights`."""
    plain = Normed()
    plain.load_state_dict({**model.state_dict(), **weights})
    ((_, x, lengths, _),) = parts_of()
    labels = torch.tensor([0, 1, 1, 0])
    nn.functional.cross_entropy(plain(x, lengths), labels).backward()
    return {name: p.grad for name, p in plain.named_parameters()}


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_step_is_made_by_the_gradient_uphill(monkeypatch, adaptive):
    learner = learner_of(monkeypatch, sharpness={"rho": 0.3, "adaptive": adaptive})
    weights = {n: p.detach().clone() for n, p in learner.model.named_parameters()}
    found = gradients(learner.model, weights)
    scale = {n: w.abs() if adaptive else torch.ones_like(w) for n, w in weights.items()}
    norm = sum((scale[n] * g).square().sum() for n, g in found.items()).sqrt()
    moved = {n: w + 0.3 * scale[n] ** 2 * found[n] / norm for n, w in weights.items()}
    above = gradients(learner.model, moved)
    learner.step(parts_of(), range(4))
    for name, parameter in learner.model.named_parameters():
        torch.testing.assert_close(parameter, weights[name] - 0.5 * above[name])
    assert not torch.allclose(above["last.weight"], found["last.weight"], rtol=1e-3)


def test_statistics_of_norms_come_from_the_first_pass_alone(monkeypatch):
    buffers = []
    for rho in (0.0, 0.3):
        learner = learner_of(monkeypatch, sharpness={"rho": rho, "adaptive": False})
        learner.step(parts_of(), range(4))
        buffers.append(dict(learner.model.named_buffers()))
    for name, value in buffers[0].items():
        assert torch.equal(value, buffers[1][name]), name
    assert buffers[1]["norm.num_batches_tracked"] == 1


def test_the_loss_that_is_said_is_that_of_the_weights_themselves(monkeypatch):
    losses = [
        learner_of(monkeypatch, sharpness={"rho": rho, "adaptive": False}).step(
            parts_of(), range(4)
        )
        for rho in (0.0, 0.3)
    ]
    assert losses[0] == losses[1]


def test_weights_come_back_bit_for_bit_and_gradients_are_forgotten():
    torch.manual_seed(0)
    model = Normed()
    model(torch.randn(4, 8), None).square().sum().backward()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    with uphill(model, 0.3, True):
        assert not torch.equal(model.last.weight, before["last.weight"])
        assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_a_loss_that_is_not_finite_uphill_changes_nothing(monkeypatch):
    learner = learner_of(monkeypatch, sharpness={"rho": 0.3, "adaptive": False})
    before = [p.detach().clone() for p in learner.model.parameters()]
    total, calls = learner.loss.total, []

    def bad(*given):
        calls.append(1)
        return total(*given) * (torch.nan if len(calls) == 2 else 1)

    monkeypatch.setattr(learner.loss, "total", bad)
    assert math.isnan(learner.step(parts_of(), range(4)))
    assert all(torch.equal(p, b) for p, b in zip(learner.model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"sharpness": {"rho": 0.1, "adaptive": False}, "autocast": "fp16"}, "'autocast: fp16'"),
        ({"sharpness": {"rho": 0.0, "adaptive": True}}, "needs a 'sharpness.rho' above 0"),
        ({"sharpness": {"rho": -0.1, "adaptive": True}}, "'sharpness.rho' is -0.1, wanted at"),
    ],
)
def test_what_a_config_cannot_say(own, words):
    with pytest.raises(UserError, match=words):
        phases_of(config(**own))


def test_a_learner_without_it_computes_a_batch_once(monkeypatch):
    calls = []
    monkeypatch.setattr(training, "uphill", lambda *_: calls.append(1))
    learner_of(monkeypatch).step(parts_of((2, 2)), range(4))
    assert calls == []
