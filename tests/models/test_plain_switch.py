"""The plain formulas of the library: equal to what is written by hand, and differentiable twice."""

import copy

import pytest
import torch

from antispoof.layers.attention_map import AttentionMap
from antispoof.layers.norms import share_norms
from antispoof.layers.pair_scores import pair_scores
from antispoof.models import build_model
from antispoof.torch_utils.onednn import FastLinear
from antispoof.torch_utils.plain import is_plain, plain_formulas

MODELS = {
    "ssl_aasist": {"dim": 24},
    "spaarsist": {"dim": 24},
    "spaarsist_lite": {"dim": 24},
    "aasist_l": {},
}


@pytest.fixture(autouse=True)
def in_doubles():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def without_chance(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def example(name, training=False):
    if name.startswith("aasist"):
        return 0.1 * torch.randn(2, 20000), torch.tensor([20000, 20000 if training else 18000])
    return torch.randn(2, 1, 40, 24), torch.tensor([40, 40] if training else [40, 31])


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", MODELS)
def test_logits_gradients_and_statistics_are_equal(name, training):
    model = without_chance(build_model(name, **MODELS[name])).double().train(training)
    other, given = copy.deepcopy(model), example(name, training)
    logits = model(*given)
    logits[:, 1].square().sum().backward()
    with plain_formulas():
        plain = other(*given)
        plain[:, 1].square().sum().backward()
    torch.testing.assert_close(plain, logits, rtol=1e-9, atol=1e-12)
    for (key, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None), key
        if one.grad is not None:
            torch.testing.assert_close(two.grad, one.grad, rtol=1e-7, atol=1e-10, msg=key)
    for (key, one), two in zip(model.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-12, msg=key)


PARTS = {
    "linear": (lambda: FastLinear(5, 7).float(), lambda: torch.randn(300, 5, dtype=torch.float32)),
    "attention map": (lambda: AttentionMap(4), lambda: torch.randn(2, 4, 5, 6)),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_the_same_in_both_forms(name):
    make, given = PARTS[name]
    model, x = make(), given()
    found = model(x)
    with plain_formulas():
        plain = model(x)
    for one, two in zip(found, plain, strict=True):
        torch.testing.assert_close(two, one)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_pairs_are_the_same_in_both_forms(count):
    given = (torch.randn(2, count, 3), torch.randn(4, 3), torch.randn(4), torch.randn(2, 4))
    found = pair_scores(*given)
    with plain_formulas():
        torch.testing.assert_close(pair_scores(*given), found)
    assert found.shape == (2, count // 2 + 1, count, 2)


def test_norms_that_processes_share_are_asked_in_both_forms():
    model = AttentionMap(4)
    sharing = share_norms(model)
    asked = []
    sharing.moments = lambda *given: asked.append(given) or (*given[:2], torch.tensor([60.0]))
    x = torch.randn(2, 4, 5, 6)
    model(x)
    with plain_formulas():
        model(x)
    torch.testing.assert_close(asked[1][:2], asked[0][:2])
    assert asked[1][2] == asked[0][2] == 60


def curvature(model, given, direction):
    """The directional second derivative of a loss, by two backward passes."""
    parameters = list(model.parameters())
    loss = model(*given)[:, 1].exp().sum()
    gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    slope = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True) if g is not None)
    again = torch.autograd.grad(slope, parameters, allow_unused=True)
    return sum(float((g * d).sum()) for g, d in zip(again, direction, strict=True) if g is not None)


def slope_at(model, given, direction, step):
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for parameter, part in zip(moved.parameters(), direction, strict=True):
            parameter.add_(step * part)
    gradients = torch.autograd.grad(
        moved(*given)[:, 1].exp().sum(), list(moved.parameters()), allow_unused=True
    )
    return sum(
        float((g * d).sum()) for g, d in zip(gradients, direction, strict=True) if g is not None
    )


def test_second_derivatives_are_those_of_differences():
    model = without_chance(build_model("ssl_aasist", dim=24, k=1.0)).eval()
    given = example("ssl_aasist")
    direction = [torch.randn_like(p) * 0.1 for p in model.parameters()]
    with pytest.raises(RuntimeError, match="no autograd formula"):
        curvature(model, given, direction)
    with plain_formulas():
        found = curvature(model, given, direction)
        step = 1e-8  # crossing as few kinks of SELU and of maxima as can be
        ahead, behind = (slope_at(model, given, direction, sign * step) for sign in (1, -1))
    assert found == pytest.approx((ahead - behind) / (2 * step), rel=1e-4)


def test_the_compiler_and_the_exporter_take_the_plain_formulas():
    model, x = AttentionMap(4).eval(), torch.randn(2, 4, 5, 6)
    expected = model(x)
    with plain_formulas():
        compiled = torch.compile(model, backend="aot_eager", fullgraph=True)(x)
        exported = torch.export.export(model, (x,)).module()(x)
    for found in (compiled, exported):
        torch.testing.assert_close(found, expected)


def test_the_switch_goes_back_where_it_was():
    with plain_formulas():
        with pytest.raises(KeyError), plain_formulas():
            assert is_plain()
            raise KeyError
        assert is_plain()
    assert not is_plain()
