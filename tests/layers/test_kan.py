"""The splines of AASIST3, and what it refuses."""

import pytest
import torch
from formulas_kan import splines

from antispoof.errors import UserError
from antispoof.layers.kan import Kan, bases
from antispoof.models import build_model
from antispoof.torch_utils.plain import plain_formulas


def test_splines_are_those_of_the_recursion_and_zero_beyond():
    x = torch.linspace(-1.7, 1.7, 303, dtype=torch.float64)
    wanted = torch.stack(splines(x), 1)
    torch.testing.assert_close(bases(x), wanted, rtol=1e-9, atol=1e-12)
    inside = x.abs() <= 1
    torch.testing.assert_close(bases(x)[inside].sum(1), torch.ones_like(x[inside]))
    assert not bases(x)[x.abs() > 1.5].any()


def test_a_layer_is_the_same_in_both_forms_and_its_gradient_that_of_differences(monkeypatch):
    monkeypatch.setattr("antispoof.layers.kan.PIECE", 100)  # several pieces
    torch.manual_seed(0)
    layer = Kan(3, 4).double()
    x = torch.linspace(-2, 2, 3 * 14, dtype=torch.float64).view(2, 7, 3).requires_grad_()
    found = layer(x)
    (own,) = torch.autograd.grad(found.sin().sum(), x, retain_graph=True)
    weights = torch.autograd.grad(found.sin().sum(), list(layer.parameters()))
    with plain_formulas():
        plain = layer(x)
        torch.testing.assert_close(plain, found)
        torch.testing.assert_close(torch.autograd.grad(plain.sin().sum(), x)[0], own)
        again = torch.autograd.grad(layer(x).sin().sum(), list(layer.parameters()))
    torch.testing.assert_close(again, weights)
    assert torch.autograd.gradcheck(layer, x)


def test_what_cannot_be_built_or_read_is_one_line():
    with pytest.raises(UserError, match="model_conf.frames is 2, wanted 3 or more"):
        build_model("aasist3", frames=2)
    with pytest.raises(UserError, match="aasist3: found 40 frames, it needs 30 to 32"):
        build_model("aasist3", dim=4, frames=31)(torch.zeros(1, 1, 40, 4), torch.tensor([40]))
