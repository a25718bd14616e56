"""AAM-softmax and P2SGrad, whose loss reads both cosines, in a model that learns."""

import pytest
import torch
from embeds import Embeds
from plain_costs import config

from antispoof.losses.losses import BOTH
from antispoof.models import MODELS
from antispoof.training.learner import Learner


class Sounds(list):
    """As many utterances as inputs give."""

    utts, epoch = ("a", "b", "c", "d"), 0


@pytest.fixture(params=BOTH)
def learner(request, monkeypatch):
    monkeypatch.setitem(MODELS, "embeds", Embeds)
    own = {"optimizer": "sgd", "optimizer_conf": {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.0}}
    own = config(model="embeds", loss=request.param, class_weights=[0.3, 0.7], **own)
    return lambda: Learner(own, Sounds("abcd"), LABELS, torch.device("cpu"), "x")


LABELS = torch.tensor([0, 1, 1, 0])


def parts_of(*cuts):
    x, start = torch.randn(4, 8, generator=torch.Generator().manual_seed(3)), 0
    for count in cuts:
        own = slice(start, start + count)
        yield True, x[own], torch.full((count,), 8), list(range(4))[own]
        start += count


def test_parts_of_a_batch_make_the_whole(learner):
    found = []
    for cuts in ((4,), (3, 1)):
        one = learner()
        found.append((one.step(parts_of(*cuts), range(4)), list(one.model.parameters())))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    for whole, in_parts in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(whole, in_parts)


def test_it_learns_and_both_logits_are_cosines(learner):
    one = learner()
    before = one.step(parts_of(4), range(4))
    for _ in range(300):
        after = one.step(parts_of(4), range(4))
    assert after < before / 4
    ((_, x, lengths, _),) = parts_of(4)
    with torch.no_grad():
        logits = one.model(x, lengths) / one.model.last.scale
    assert logits.abs().max() <= 1 + 1e-6
    assert ((logits[:, 1] > logits[:, 0]).long() == LABELS).all()
    assert one.model.last.scale == {"aam_softmax": 32.0, "p2sgrad": 1.0}[one.config["loss"]]
