"""The trace of the Hessian, against the exact one of small networks."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from antispoof.diagnostics.hessian import Trace, trace
from antispoof.models import MODELS


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()


def exact(model, x, label):
    """tr H of the cross-entropy, entry by entry."""
    parameters = list(model.parameters())
    first = torch.autograd.grad(cross_entropy(model(x), label), parameters, create_graph=True)
    flat = torch.cat([part.flatten() for part in first])
    total = 0.0
    for index in range(len(flat)):
        row = torch.autograd.grad(flat[index], parameters, retain_graph=True, allow_unused=True)
        parts = [
            torch.zeros_like(p) if r is None else r for p, r in zip(parameters, row, strict=True)
        ]
        total += float(torch.cat([part.flatten() for part in parts])[index])
    return total


def clips(count):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 1, 4, generator=generator, dtype=torch.float64)
    return [(row, torch.tensor([number % 2])) for number, row in enumerate(x)]


def test_it_is_the_exact_trace_within_its_error():
    model, own = network(), clips(3)
    losses = [lambda x=x, y=y: cross_entropy(model(x), y) for x, y in own]
    found = trace(losses, list(model.parameters()), draws=4000, seed=2)
    wanted = [exact(model, *clip) for clip in own]
    assert found.by_input == pytest.approx(wanted, abs=0.05)
    assert found.parameters == 4 * 3 + 3 + 3 * 2 + 2


def test_a_diagonal_hessian_is_exact_with_one_vector():
    weights = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([5.0, 7.0, -1.0], dtype=torch.float64)
    found = trace([lambda: (scale * weights.square()).sum() / 2], [weights], draws=1)
    assert found.by_input.tolist() == [11.0]


def test_a_linear_loss_has_no_curvature():
    weights = torch.ones(3, requires_grad=True)
    assert trace([lambda: weights.sum()], [weights], draws=3).by_input.tolist() == [0.0]


def test_frozen_weights_are_no_part_of_it():
    model = network()
    model[0].requires_grad_(False)
    x, y = clips(1)[0]
    found = trace([lambda: cross_entropy(model(x), y)], list(model.parameters()), draws=2)
    assert found.parameters == 3 * 2 + 2


def test_operations_that_take_no_batch_of_vectors_give_the_same(monkeypatch):
    model, (x, y) = network(), clips(1)[0]
    arguments = [lambda: cross_entropy(model(x), y)], list(model.parameters()), 20
    together = trace(*arguments).by_input
    real = torch.autograd.grad

    def refuses(*args, is_grads_batched=False, **more):
        if is_grads_batched:
            raise RuntimeError("no batching rule")
        return real(*args, **more)

    monkeypatch.setattr(torch.autograd, "grad", refuses)
    assert trace(*arguments).by_input == pytest.approx(together, rel=1e-12)


@pytest.mark.parametrize("layer", ["lstm", "attention"])
def test_recurrent_layers_and_attention_can_be_differentiated_twice(layer):
    torch.manual_seed(3)
    x = torch.randn(1, 5, 4)
    if layer == "lstm":
        model = nn.LSTM(4, 2, batch_first=True)
        loss = lambda: model(x)[0].square().mean()  # noqa: E731
    else:
        model = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
        loss = lambda: model(x).square().mean()  # noqa: E731
    found = trace([loss], list(model.parameters()), draws=2)
    assert np.isfinite(found.by_input).all() and found.by_input[0] != 0


def test_a_summary_has_mean_error_and_spread():
    found = Trace(np.array([1.0, 2.0, 6.0]), np.full(30, 3.0), 100).summary()
    assert found["mean"] == 3.0 and found["median"] == 2.0
    assert found["sd"] == pytest.approx(7**0.5)
    assert found["error"] == pytest.approx((7 / 3) ** 0.5)
    assert found["per_parameter"] == pytest.approx(0.03)
    assert (found["min"], found["max"], found["inputs"]) == (1.0, 6.0, 3)
    assert found["draws"] == 30


def test_the_error_has_the_luck_of_the_vectors_that_all_inputs_share():
    """Of inputs that are alike, the vectors alone make it; so far the means of other draws lie."""
    torch.manual_seed(0)
    model = network()
    x, y = clips(1)[0]
    losses = [lambda: cross_entropy(model(x), y)] * 20
    found = [trace(losses, list(model.parameters()), draws=10, seed=n) for n in range(40)]
    spread = np.std([own.mean for own in found], ddof=1)
    assert np.mean([own.error for own in found]) == pytest.approx(spread, rel=0.3)
    both = Trace(np.array([1.0, 2.0, 6.0]), np.array([1.0, 5.0]), 100)
    assert both.error == pytest.approx((7 / 3 + 8 / 2) ** 0.5)


@pytest.mark.parametrize("name", ["ssl_aasist", "spaarsist", "spaarsist_lite", "xlsr_mamba"])
def test_models_with_a_backward_pass_written_by_hand_have_a_trace_too(name):
    torch.manual_seed(0)
    model = MODELS[name](dim=8).eval()
    x, y = torch.randn(2, 1, 1, 30, 8), torch.tensor([0, 1])
    losses = [
        lambda n=n: cross_entropy(model(x[n], torch.tensor([30])), y[n : n + 1]) for n in (0, 1)
    ]
    found = trace(losses, list(model.parameters()), draws=2)
    assert np.isfinite(found.by_input).all() and found.by_input.any()


def test_a_relative_trace_does_not_see_the_scale_that_a_norm_takes_out():
    torch.manual_seed(0)
    first, last = nn.Linear(4, 6, bias=False).double(), nn.Linear(6, 2).double()
    model = nn.Sequential(first, nn.LayerNorm(6, eps=0).double(), nn.Tanh(), last)
    losses = [lambda x=x, y=y: cross_entropy(model(x), y) for x, y in clips(2)]
    traces = []
    for _ in range(2):
        traces.append(trace(losses, list(model.parameters()), draws=100))
        with torch.no_grad():
            first.weight /= 3  # the model stays what it is
    before, after = traces
    own = [found.relative_summary() for found in traces]
    apart = abs(own[0]["mean"] - own[1]["mean"])
    assert apart < 2 * np.hypot(own[0]["error"], own[1]["error"])
    assert abs(after.mean) > 2 * abs(before.mean)


def test_the_error_of_a_relative_trace_has_that_of_the_vectors_which_all_inputs_share():
    weights = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    losses = [lambda: 5 * weights[0] * weights[1]] * 50  # all inputs alike: vectors alone differ
    found = trace(losses, [weights], draws=16)
    assert found.by_input.std() == 0
    assert found.error > 1 and found.relative_summary()["error"] > 1


def test_a_relative_trace_worked_out_by_hand():
    weights = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    other = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)

    def loss():
        return 5 * weights.square().sum() / 2 + 7 * other.square().sum() / 2

    found = trace([loss], [weights, other], draws=1)
    assert found.by_input.tolist() == [2 * 5 + 7]
    assert found.relative.tolist() == [[2.5 * 2 * 5 + 9 * 7]]  # mean squares 2.5 and 9
