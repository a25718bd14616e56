"""Every model on a GPU: the logits and gradients of a CPU. Skipped where there is none."""

import copy

import pytest
import torch
from model_cases import CASES, batch, build

from antispoof.torch_utils.device import choose_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


@pytest.fixture(autouse=True)
def as_workers_do():
    choose_device("cuda")
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", CASES)
def test_logits_are_those_of_a_cpu(name):
    model, make = build(name)
    x, lengths = batch([make(120), make(90), make(120)], 0)
    wanted = model(x, lengths)
    found = model.cuda()(x.cuda(), lengths.cuda())
    torch.testing.assert_close(found.cpu(), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_a_cpu(name):
    model, make = build(name)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model = model.double().train()
    own, (x, lengths) = copy.deepcopy(model).cuda(), batch([make(120) for _ in range(4)], 0)
    model(x.double(), lengths)[:, 1].square().sum().backward()
    own(x.double().cuda(), lengths.cuda())[:, 1].square().sum().backward()
    for (key, one), two in zip(model.named_parameters(), own.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None), key
        if one.grad is not None:
            torch.testing.assert_close(two.grad.cpu(), one.grad, rtol=1e-4, atol=1e-7, msg=key)
