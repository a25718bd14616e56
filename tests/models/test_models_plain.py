"""The graph back ends compute what their formulas say, written out plainly."""

import sys

import pytest
import torch
from made_up import ROOT
from torch.utils.flop_counter import FlopCounterMode

from antispoof.layers.pair_scores import pair_scores, square
from antispoof.models import build_model

sys.path.append(str(ROOT / "benchmarks"))
from plain_backends import PlainGraphAttention, PlainSslAasist


@pytest.mark.parametrize("count", [1, 2, 5, 6, 33])
def test_pairs_are_those_of_the_formula_and_so_are_their_gradients(count):
    generator = torch.Generator().manual_seed(count)
    inputs = [
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((3, count, 8), (5, 8), (5,), (2, 5))
    ]
    x, weight, bias, vectors = inputs
    index = square(count, "cpu")
    half = pair_scores(*inputs).flatten(1, 2)[:, index.flatten()].unflatten(1, index.shape)
    plain = torch.tanh((x[:, :, None] * x[:, None]) @ weight.t() + bias) @ vectors.t()
    torch.testing.assert_close(half, plain)
    toward = torch.randn(half.shape, generator=generator, dtype=torch.float64)
    for mine, theirs in zip(
        torch.autograd.grad((half * toward).sum(), inputs),
        torch.autograd.grad((plain * toward).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_pairs_count_the_products_of_the_formula():
    x, weight, bias, vectors = (torch.randn(s) for s in ((2, 7, 8), (5, 8), (5,), (1, 5)))
    for parameter in (weight, bias, vectors):
        parameter.requires_grad_()
    plain = PlainGraphAttention(8, 5, 1.0)
    with FlopCounterMode(display=False) as forward:
        scores = pair_scores(x, weight, bias, vectors)
    assert forward.get_total_flops() // 2 == 2 * 7 * 7 * 5 * (8 + 1)
    with FlopCounterMode(display=False) as backward:
        scores.sum().backward()
    assert backward.get_total_flops() == 2 * forward.get_total_flops()
    with FlopCounterMode(display=False) as whole, torch.no_grad():
        plain(x)
    assert whole.get_total_flops() // 2 == 2 * (7 * 7 * 5 * (8 + 1) + 7 * 7 * 8 + 2 * 7 * 8 * 5)


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.double()


@pytest.mark.parametrize("training", [True, False])
def test_ssl_aasist_is_its_plain_transcription(training):
    torch.manual_seed(0)
    plain = without_dropout(PlainSslAasist(dim=24))
    ours = without_dropout(build_model("ssl_aasist", dim=24))
    for norm in plain.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
            torch.nn.init.normal_(norm.running_mean, std=0.1)
            torch.nn.init.normal_(norm.bias)
    ours.load_state_dict(plain.state_dict())
    x, lengths = torch.randn(3, 1, 62, 24, dtype=torch.float64), torch.full((3,), 62)
    for model in (plain, ours):
        model.train(training)
    wanted, found = plain(x), ours(x, lengths)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)
    wanted.square().sum().backward()
    found.square().sum().backward()
    gradients = {n: p.grad for n, p in plain.named_parameters() if p.grad is not None}
    for name, parameter in ours.named_parameters():
        assert (parameter.grad is None) == (name not in gradients), name
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-6, atol=1e-8)
    changed = ours.state_dict()
    for name, tensor in plain.state_dict().items():
        if ".unused." not in name:  # theirs runs, and nothing comes of it
            torch.testing.assert_close(changed[name], tensor)
