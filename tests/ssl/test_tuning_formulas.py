"""What tuning adds: counts on 24 layers of 1024, formulas by hand, and what a config may say."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from antispoof.config import EXPERIMENT_KEYS
from antispoof.errors import UserError
from antispoof.ssl.adapters import Bottleneck, Convolution, Prompts
from antispoof.ssl.low_rank import Dora, Experts, LowRank
from antispoof.ssl.tuning import METHODS, tuning_settings


def numbers(module):
    return sum(p.numel() for p in module.parameters())


QV, QKVO, FFN = (2, 0), (4, 0), (0, 1)


@pytest.mark.parametrize(
    ("rank", "squares", "expected"),
    [
        (4, QV, 393_216), (8, QV, 786_432), (16, QV, 1_572_864),
        (4, QKVO, 786_432), (8, QKVO, 1_572_864), (16, QKVO, 3_145_728),
        (8, FFN, 1_966_080), (8, (4, 1), 3_538_944),
    ],
)  # fmt: skip
def test_counts_of_lora_and_dora_on_24_layers_of_1024(rank, squares, expected):
    square, up, down = torch.ones(1024, 1024), torch.ones(4096, 1024), torch.ones(1024, 4096)
    weights = [square] * squares[0] + [up, down] * squares[1]
    assert 24 * sum(numbers(LowRank(w, rank, 16.0, 0.0)) for w in weights) == expected
    magnitudes = 24 * sum(len(w) for w in weights)
    assert 24 * sum(numbers(Dora(w, rank, 16.0, 0.0)) for w in weights) == expected + magnitudes
    known = {QV: 49_152, QKVO: 98_304, FFN: 122_880}
    assert magnitudes == known.get(squares, 98_304 + 122_880)


def test_counts_of_the_other_methods_on_24_layers_of_1024():
    experts = Experts(torch.ones(1024, 1024), 8, 16.0, 0.0, 4)
    assert 24 * 4 * experts.router.numel() == 393_216
    assert 24 * 4 * numbers(experts) == 6_291_456 + 393_216
    assert 24 * 2 * numbers(Bottleneck(1024, 64, 0.0)) == 6_343_680
    assert numbers(Convolution(1024, 64, [3, 7, 15, 23])) == 131_904
    assert 24 * numbers(Convolution(1024, 64, [3, 7, 15, 23])) == 3_165_696
    assert 24 * numbers(Prompts(1024, 10, 0.1)) == 245_760


def test_lora_and_dora_are_their_formulas():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(5, 6), torch.randn(4, 6), torch.randn(4)
    for kind in (LowRank, Dora):
        module = kind(weight, 2, 3.0, 0.0)
        if kind is Dora:
            assert torch.equal(module.magnitude, weight.square().sum(1).sqrt())
            nn.init.normal_(module.magnitude)
        nn.init.normal_(module.up)
        whole = weight + 3.0 / 2 * module.up @ module.down
        if kind is Dora:
            whole = module.magnitude[:, None] * whole / whole.norm(dim=1, keepdim=True)
        found, expected = module(x, weight, bias), x @ whole.T + bias
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(module.merged(weight), whole)
        parameters = list(module.parameters())
        pairs = zip(
            torch.autograd.grad(found.square().sum(), parameters),
            torch.autograd.grad(expected.square().sum(), parameters),
            strict=True,
        )
        for ours, plain in pairs:
            torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)


def test_experts_are_their_formula_frame_by_frame():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(5, 2, 6), torch.randn(4, 6), torch.randn(4)
    module = Experts(weight, 2, 3.0, 0.0, 3)
    nn.init.normal_(module.up)
    found = module(x, weight, bias)
    for place in ((0, 0), (3, 1)):
        frame = x[place]
        gates = torch.exp(module.router @ frame)
        expected = weight @ frame + bias
        for gate, up, down in zip(gates / gates.sum(), module.up, module.down, strict=True):
            expected = expected + gate * 1.5 * up @ down @ frame
        torch.testing.assert_close(found[place], expected)
    flat = module.down.flatten(1)
    expected = sum(
        (F.cosine_similarity(flat[i], flat[j], dim=0) - float(i == j)) ** 2
        for i in range(3)
        for j in range(3)
    )
    torch.testing.assert_close(module.penalty(), expected)


def test_a_convolution_adapter_is_its_formula():
    torch.manual_seed(0)
    adapter, x = Convolution(6, 4, [3, 5]), torch.randn(1, 9, 6)
    nn.init.normal_(adapter.up.weight)
    low = x[0] @ adapter.down.weight.T  # (9, 4)
    expected = torch.zeros(9, 4)
    for channel in range(4):
        kernel = adapter.scales[channel // 2].weight[channel % 2, 0]
        for time in range(9):
            for tap, factor in enumerate(kernel, -(len(kernel) // 2)):
                if 0 <= time + tap < 9:
                    expected[time, channel] += factor.item() * low[time + tap, channel].item()
    expected = expected + adapter.gate.weight[:, 0, 0] * expected * expected
    torch.testing.assert_close(adapter(x)[0], x[0] + expected @ adapter.up.weight.T)


WRONG = {
    "full rank": "method_conf' has rank, which 'method: full' does not take",
    "lora width": "unknown key 'width'",
    "lora matrices": "'finetune.method_conf.matrices' is \\[\\], wanted some of q, k, v",
    "conv_adapter kernels": "kernels' is \\[3, 4\\], wanted odd lengths",
    "conv_adapter width": "width' is 6, wanted a multiple of the 4 kernels",
    "moe_lora experts": "'experts' is 1, wanted at least 2",
}
VALUES = {"matrices": [], "kernels": [3, 4], "width": 6, "experts": 1, "rank": 8}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_method_does_not_take(case):
    method, key = case.split()
    with pytest.raises(UserError, match=WRONG[case]):
        tuning_settings({"method": method, "method_conf": {key: VALUES[key]}})


def test_the_methods_of_a_config_are_those_that_there_are():
    assert EXPERIMENT_KEYS["finetune"]["method"].allowed == tuple(METHODS)
