"""The parts of an epoch by themselves: a step, its refusals, orders, shares, scores."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from plain_training import (
    Tiny,
    order_of,
    score_by_hand,
    states_close,
    tiny_place,
    waves_of,
)

from antispoof.errors import UserError
from antispoof.scoring.batches import collate
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.torch_utils.distributed import Team, deal
from antispoof.training import learner as learning
from antispoof.training.experiment import load_experiment
from antispoof.training.learner import Learner, draw_order

CONFIG = """
feats: wave
model: tiny
model_conf: {dropout: 0.0}
crop: {train: random, test: centre, seconds: 0.005, pad: none}
epochs: 2
batch_size: 4
grad_clip: 0.0
optimizer: sgd
optimizer_conf: {lr: 0.5, weight_decay: 0.0}
class_weights: [0.4, 1.5]
"""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with tiny_place(tmp_path_factory.mktemp("parts"), CONFIG) as folder:
        yield folder


def make(*overrides, team=None):
    config = load_experiment("train_tiny.yaml", 1, overrides)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    more = {"team": team} if team else {}
    return Learner(config, inputs, read_labels("data/train"), CPU, "x", **more)


def weights(learner):
    return {name: value.clone() for name, value in learner.model.state_dict().items()}


def step(learner, batch):
    return learner.step([(True, *collate([learner.inputs[i] for i in batch]))], batch)


@pytest.mark.parametrize("clip", [0.0, 0.01, 1e6])
def test_a_step_of_sgd_moves_by_the_rate_times_the_gradient_cut_to_a_norm(place, clip):
    one, other = make(f"grad_clip={clip}"), make()
    before, batch = weights(one), [0, 1, 2, 5]
    step(one, batch)
    x, lengths, _ = collate([other.inputs[i] for i in batch])
    labels, own = other.labels[batch], torch.tensor([0.4, 1.5])
    losses = torch.nn.functional.cross_entropy(other.model(x, lengths), labels, reduction="none")
    ((own[labels] * losses).sum() / own[labels].sum()).backward()
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in other.model.parameters()))
    share = min(1.0, clip / norm) if clip else 1.0
    for name, parameter in other.model.named_parameters():
        expected = before[name] - 0.5 * share * parameter.grad
        torch.testing.assert_close(one.model.state_dict()[name], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_changes_nothing(place, bad):
    one = make("select.ema=0.5", "schedule=cosine")
    parts = [p for p in weights(one).items() if p[0] in dict(one.model.named_parameters())]
    x, lengths, indices = collate([one.inputs[i] for i in (1, 2)])
    one.loss.total = lambda logits, labels: bad * logits.sum()
    assert not math.isfinite(one.step([(True, x, lengths, indices)], [1, 2]))
    assert all(torch.equal(one.model.state_dict()[name], value) for name, value in parts)
    assert (one.average.count, one.schedule.last_epoch) == (0, 0)


def test_the_error_names_the_batch_and_the_epoch(place, monkeypatch):
    one, order = make(), order_of(read_labels("data/train").tolist(), False, 1, 2)
    losses = iter([0.5, math.nan])
    monkeypatch.setattr(one, "step", lambda *_: next(losses))
    with pytest.raises(UserError) as caught:
        one.run_epoch(2)
    named = ", ".join(f"train{i}" for i in order[4:8])
    assert str(caught.value).startswith("x: the loss is nan in epoch 2; last.pt is the state")
    assert str(caught.value).endswith(f"look at the batch: {named}")


def test_the_mean_loss_counts_utterances_and_not_batches(place, monkeypatch):
    one, notes = make(), []

    class Recorder(learning.Progress):
        def advance(self, count=1, note=""):
            super().advance(count, note)
            notes.append((self.done, note))

    losses = iter([1.0, 4.0, 19.0])  # of 4, 4 and 2 utterances
    monkeypatch.setattr(one, "step", lambda *_: next(losses))
    monkeypatch.setattr(learning, "Progress", Recorder)
    assert one.run_epoch(1) == pytest.approx((4 * 1 + 4 * 4 + 2 * 19) / 10)
    assert notes == [(4, "loss 1.000"), (8, "loss 2.500"), (10, "loss 5.800")]


def test_dropout_of_an_epoch_comes_from_seed_epoch_and_process(place, monkeypatch):
    """With equal weights, batches and crops, only the draws of dropout can differ."""
    seen = []
    for seed, epoch, rank in ((1, 1, 0), (1, 2, 0), (2, 1, 0), (1, 1, 1)):
        one = make()
        one.config = {**one.config, "seed": seed}
        one.team = SimpleNamespace(rank=rank, size=1, is_main=True)
        draws = []
        monkeypatch.setattr(one, "step", lambda *_, d=draws: d.append(torch.rand(()).item()) or 1.0)
        one.run_epoch(epoch)
        seen.append(draws)
    assert len({tuple(draws) for draws in seen}) == 4


def test_what_is_judged_is_the_average_and_learning_goes_on_from_the_weights(place):
    one = make("select.ema=0.5")
    one.run_epoch(1)
    learnt, average = weights(one), {n: t.clone() for n, t in one.average.average.items()}
    assert not torch.equal(learnt["first.weight"], average["first.weight"])
    with pytest.raises(ZeroDivisionError), one.judged() as model:
        states_close(model.state_dict(), average, rtol=0, atol=0)
        raise ZeroDivisionError
    states_close(one.model.state_dict(), learnt, rtol=0, atol=0)
    again = make("select.ema=0.5")
    again.load_state_dict(one.state_dict(), "last.pt")
    assert again.average.count == one.average.count == 3
    for epoch_of in (one, again):
        epoch_of.run_epoch(2)
    states_close(again.state_dict()["average"]["average"], one.average.average, rtol=0, atol=0)
    assert "average" not in make().state_dict()


def test_a_lack_of_memory_is_one_line_and_other_errors_stay(place):
    one = make("batch_size=6", "accum_grad=2")
    lacks = [MemoryError(), torch.OutOfMemoryError("x"), RuntimeError("DefaultCPUAllocator: x")]
    for error in lacks:
        words = "x: out of memory at batch_size 6, accum_grad 2; last"
        with pytest.raises(UserError, match=words), one.memory_said():
            raise error
    with pytest.raises(RuntimeError, match="shapes"), one.memory_said():
        raise RuntimeError("shapes differ")


def test_tf32_is_set_where_it_is_asked_for(place, monkeypatch):
    backends = [SimpleNamespace(allow_tf32=False) for _ in range(2)]
    monkeypatch.setattr(torch.backends.cuda, "matmul", backends[0])
    monkeypatch.setattr(torch.backends, "cudnn", backends[1])
    make()
    assert [flags.allow_tf32 for flags in backends] == [False, False]
    make("tf32=true")
    assert [flags.allow_tf32 for flags in backends] == [True, True]


@pytest.mark.parametrize("balanced", [False, True])
def test_the_order_is_that_of_the_plain_draw(balanced):
    labels = torch.tensor([0, 1, 0, 0, 0, 0, 1, 0, 0])
    for seed, epoch in ((1, 1), (1, 2), (2, 1), (12, 3)):
        expected = order_of(labels.tolist(), balanced, seed, epoch)
        assert draw_order(labels, balanced, seed, epoch) == expected


@pytest.mark.parametrize(("size", "accum_grad"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 2)])
def test_rows_are_dealt_in_turn_and_parts_have_one_size(size, accum_grad):
    order, batch_size = list(range(50, 73)), 7
    rows = math.ceil(batch_size / (size * accum_grad))
    for rank in range(size):
        found = list(deal(order, batch_size, accum_grad, Team(rank, size)))
        assert [batch for batch, _ in found] == [order[i : i + 7] for i in (0, 7, 14, 21)]
        for batch, parts in found:
            own = [index for place, index in enumerate(batch) if place % size == rank]
            most = max(math.ceil((len(batch) - r) / size) for r in range(size))
            expected = [own[i * rows : (i + 1) * rows] for i in range(math.ceil(most / rows))]
            assert parts == expected


@pytest.mark.parametrize("batch_size", [1, 2, 3, 9])
def test_scores_of_a_batch_are_those_of_one_utterance_at_a_time(place, batch_size):
    one = make("model_conf.dropout=0.5")
    one.run_epoch(1)
    one.model.train()  # scoring itself turns dropout off
    expected, _ = score_by_hand(one.model, place, "dev")
    one.model.train()
    found = score(one.model, open_inputs(one.config, "data/dev", "dump"), batch_size, CPU)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_windowed_score_is_the_mean_over_the_windows_of_each_utterance(place):
    one, half = make("crop.test=windows"), 40
    model, expected = one.model.eval(), []
    for _, wave in waves_of(place, "dev")[0]:
        last = max(len(wave) - 80, 0)
        starts = [*range(0, last, half), last]
        windows = [torch.from_numpy(wave[s : s + 80])[None] for s in starts]
        with torch.no_grad():
            logits = [model(w, torch.tensor([w.shape[1]]))[0] for w in windows]
        expected.append(np.mean([float(row[1] - row[0]) for row in logits]))
    found = score(model, open_inputs(one.config, "data/dev", "dump"), 3, CPU)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("autocast", "kind", "dtype", "scaled"),
    [
        ("none", "cuda", None, False),
        ("bf16", "cuda", torch.bfloat16, False),
        ("fp16", "cuda", torch.float16, True),
        ("fp16", "cpu", None, False),
    ],
)
def test_autocast_is_of_a_gpu_and_fp16_alone_is_scaled(
    place, monkeypatch, autocast, kind, dtype, scaled
):
    """Without a GPU: the model stays where it is, and what would go there is recorded."""
    scalers, moved = [], []

    class Still(Tiny):
        def to(self, device):
            moved.append(device.type)
            return self

    monkeypatch.setattr(learning, "build_system", lambda config: Still())
    monkeypatch.setattr(learning, "Loss", lambda config, device: None)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *a, **k: scalers.append((a, k)))
    config = load_experiment("train_tiny.yaml", 1, [f"autocast={autocast}"])
    one = Learner(config, range(10), None, SimpleNamespace(type=kind), "x")
    assert (one.dtype, moved) == (dtype, [kind])
    assert scalers == [((kind,), {"enabled": scaled})]
