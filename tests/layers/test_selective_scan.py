"""The selective scan against a loop in float64, under padding, backward; and mamba-ssm."""

import sys

import pytest
import torch

from antispoof.layers.mamba import Mamba, reverse
from antispoof.layers.selective_scan import doubling_scan, fused_scan, selective_scan
from antispoof.torch_utils.plain import plain_formulas
from antispoof.torch_utils.tracing import traceable


@pytest.fixture(autouse=True)
def forgetful():
    fused_scan.cache_clear()
    yield
    fused_scan.cache_clear()


def given(frames, batch=2, width=6, states=16, dtype=torch.float64):
    """x, step, a, b and c; a down to -16, where a product of decays is 0 in float32."""
    torch.manual_seed(frames)
    x, step, b, c = (torch.randn(batch, frames, n) for n in (width, width, states, states))
    step = torch.nn.functional.softplus(step)
    a = -torch.arange(1.0, states + 1).repeat(width, 1)
    return [tensor.to(dtype).requires_grad_() for tensor in (x, step, a, b, c)]


def loop(x, step, a, b, c):
    held, found = 0, []
    for t in range(x.shape[1]):
        held = (step[:, t, :, None] * a).exp() * held + (step * x)[:, t, :, None] * b[:, t, None]
        found.append((held * c[:, t, None]).sum(2))
    return torch.stack(found, 1)


def both(scan, tensors):
    """The output, and the gradients of a function of it."""
    found = scan(*tensors)
    toward = torch.cos(torch.arange(found.numel(), dtype=found.dtype)).view_as(found)
    return [found, *torch.autograd.grad((found * toward).sum(), tensors)]


FORMS = {"stepped": selective_scan, "doubling": doubling_scan}


@pytest.mark.parametrize("frames", [2, 15, 16, 17, 31, 33, 201])
@pytest.mark.parametrize("form", FORMS)
def test_the_scan_and_its_gradients_are_those_of_a_loop(form, frames):
    wanted = both(loop, given(frames))
    for one, two in zip(both(FORMS[form], given(frames)), wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-11)
    narrow = both(FORMS[form], given(frames, dtype=torch.float32))
    for index, (one, two) in enumerate(zip(narrow, wanted, strict=True)):
        scale = max(float(two.detach().abs().max()), 1)
        limit = 1e-6 if index else 2e-7  # a gradient is a sum over frames
        assert (one.double() - two).abs().max() <= limit * scale


def test_one_frame_rests_on_no_decay():
    tensors = given(1)
    x, step, _, b, c = tensors
    for scan in FORMS.values():
        wanted = step * x * (b * c).sum(2, keepdim=True)
        torch.testing.assert_close(scan(*tensors), wanted)
    assert not both(selective_scan, tensors)[3].any()


def test_the_plain_switch_gives_second_derivatives_and_a_trace_the_same_numbers():
    tensors = given(19)
    wanted = selective_scan(*tensors)
    with traceable():
        torch.testing.assert_close(selective_scan(*tensors), wanted)
    with plain_formulas():
        first = torch.autograd.grad(selective_scan(*tensors).sum(), tensors[1], create_graph=True)
        torch.autograd.grad(first[0].square().sum(), tensors[1])


def test_padding_changes_no_frame_in_either_direction():
    torch.manual_seed(0)
    layer = Mamba(8).double()
    x, lengths = torch.randn(3, 21, 8, dtype=torch.float64), torch.tensor([21, 9, 1])
    onward, back = layer(x), reverse(layer(reverse(x, lengths)), lengths)
    for row, count in enumerate(lengths.tolist()):
        one = x[row : row + 1, :count]
        torch.testing.assert_close(onward[row : row + 1, :count], layer(one))
        torch.testing.assert_close(back[row : row + 1, :count], layer(one.flip(1)).flip(1))


def test_a_layer_begins_as_it_was_published():
    torch.manual_seed(0)
    layer, other = Mamba(144), Mamba(64)
    assert sum(p.numel() for p in layer.parameters()) == 145440
    assert sum(p.numel() for p in other.parameters()) == 32640
    torch.testing.assert_close(layer.log_decay.exp()[5], torch.arange(1.0, 17))
    assert layer.skip.tolist() == [1] * 288
    steps = torch.nn.functional.softplus(layer.step.bias)
    assert 0.00099 < steps.min() < 0.0015
    assert 0.06 < steps.max() < 0.101
    assert 0.3 < layer.step.weight.abs().max() <= 9**-0.5
    assert Mamba(64, blocks=9).leave.weight.abs().max() < 0.34 * 128**-0.5
    assert layer.enter.bias is layer.select.bias is layer.leave.bias is None


PACKAGE = '''
"""Stands in for mamba-ssm's module of that name."""
import torch
calls = []

def selective_scan_fn(u, delta, A, B, C):
    calls.append(u.shape)
    held, found = 0, []
    for t in range(u.shape[2]):
        held = (delta[:, :, t, None] * A).exp() * held
        held = held + (delta * u)[:, :, t, None] * B[:, None, :, t]
        OTHER
        found.append((held * C[:, None, :, t]).sum(2) * FACTOR)
    return torch.stack(found, 2)
'''


PACKAGES = {  # what it gives: (factor, a line of its loop, whether it is used)
    "the same": ("1", "pass", True),
    "one percent more": ("1.01", "pass", False),
    "an error": ("None", "pass", False),
    "other gradients": ("(1.01 - 0.01 * u[:, :, t].detach() / u[:, :, t])", "pass", False),
    "a state that begins again": ("1", "held = held * (t != 64)", False),
    "NaN": ("float('nan')", "pass", False),
}


@pytest.mark.parametrize("kind", PACKAGES)
def test_mamba_ssm_is_used_where_it_is_installed_and_equal(kind, tmp_path, monkeypatch):
    factor, other, used = PACKAGES[kind]
    folder = tmp_path / "mamba_ssm/ops"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder):
        (place / "__init__.py").touch()
    (folder / "selective_scan_interface.py").write_text(
        PACKAGE.replace("FACTOR", factor).replace("OTHER", other)
    )
    monkeypatch.syspath_prepend(tmp_path)
    tensors = given(9, dtype=torch.float32)
    try:
        with torch.inference_mode():
            selective_scan(*given(3, dtype=torch.float32))  # a model that only scores is first
        found = both(selective_scan, tensors)
        assert (fused_scan(torch.device("cpu")) is not None) == used
        import mamba_ssm.ops.selective_scan_interface as package

        assert ((2, 6, 9) in package.calls) == used
    finally:
        for name in [name for name in sys.modules if name.startswith("mamba_ssm")]:
            del sys.modules[name]
    for one, two in zip(found, both(loop, tensors), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_without_mamba_ssm_it_is_not_asked_for():
    assert fused_scan(torch.device("cpu")) is None
