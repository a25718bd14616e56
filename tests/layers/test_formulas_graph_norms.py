"""Batch norms that several processes share: what one norm makes of all their rows.

The processes are threads here; `all_reduce` adds up what each of them brings.
"""

import threading

import pytest
import torch
from torch import nn

from antispoof.layers import norms
from antispoof.layers.norms import SHARED, Sharing, moments, remember, share_norms


class Exchange:
    """An `all_reduce` of threads, whose numbers are 0, 1, ..."""

    def __init__(self, size):
        self.barrier, self.brought, self.own = threading.Barrier(size, timeout=20), {}, {}

    def all_reduce(self, tensor):
        self.brought[self.own[threading.get_ident()]] = tensor.clone()
        self.barrier.wait()
        tensor.copy_(sum(self.brought.values()))
        self.barrier.wait()

    def run(self, works):
        """What each function of `works` returns, all of them at a time."""
        found = [None] * len(works)

        def start(number):
            self.own[threading.get_ident()] = number
            found[number] = works[number]()

        threads = [threading.Thread(target=start, args=(n,)) for n in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found


@pytest.fixture
def exchange(monkeypatch):
    made = Exchange(3)
    monkeypatch.setattr(norms.distributed, "all_reduce", made.all_reduce)
    return made


def random_norm(dims, **conf):
    torch.manual_seed(3)
    norm = (nn.BatchNorm1d if dims < 4 else nn.BatchNorm2d)(4, **conf).double()
    for tensor in norm.state_dict().values():
        if tensor.dim():
            nn.init.uniform_(tensor, 0.5, 1.5)
    return norm


def learn(norm, x, toward):
    """Output, and gradients of the input, the weight and the bias."""
    x = x.clone().requires_grad_()
    out = norm(x)
    (out * toward).sum().backward()
    return [out.detach(), x.grad, *(p.grad for p in norm.parameters())]


@pytest.mark.parametrize("shape", [(4,), (4, 5), (4, 2, 3)])
@pytest.mark.parametrize("conf", [{"eps": 0.1, "momentum": 0.3}, {"affine": False}])
@pytest.mark.parametrize("sizes", [(2, 5, 1), (3, 4, 0)])
def test_processes_of_unequal_rows_get_what_one_norm_of_all_rows_gives(
    exchange, shape, conf, sizes
):
    whole = random_norm(len(shape) + 1, **conf)
    x = torch.randn(sum(sizes), *shape).double() * 2 + 1
    toward = torch.randn_like(x)
    wanted = learn(whole.train(), x, toward)
    own = [random_norm(len(shape) + 1, **conf).train() for _ in sizes]
    for norm, size in zip(own, sizes, strict=True):
        share_norms(norm).counts = size > 0
    stand_in = torch.full((2, *shape), 9.0).double()  # of a process that has no rows
    parts = [p if len(p) else stand_in for p in x.split(sizes)]
    towards = [p if len(p) else stand_in * 0 for p in toward.split(sizes)]
    works = [
        lambda a=a: learn(*a) for a in zip(own, parts, towards, strict=True)
    ]  # each with its own norm and rows
    found = exchange.run(works)
    count = sum(size > 0 for size in sizes)
    for place in (0, 1):  # output and gradient of the rows
        together = torch.cat([of[place] for of in found[:count]])
        torch.testing.assert_close(together, wanted[place])
    for place in range(2, len(wanted)):
        torch.testing.assert_close(sum(of[place] for of in found), wanted[place])
    for norm in own:
        for name, buffer in whole.named_buffers():
            torch.testing.assert_close(norm.get_buffer(name), buffer, msg=name)


def test_every_batch_norm_of_a_model_shares_and_keeps_its_names():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm2d(2)))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    sharing = share_norms(model)
    assert isinstance(sharing, Sharing)
    assert sharing.counts is True
    kinds = [type(module) for module in model.modules() if hasattr(module, "sharing")]
    assert kinds == [SHARED[nn.BatchNorm1d], SHARED[nn.BatchNorm2d]]
    assert all(m.sharing is sharing for m in model.modules() if hasattr(m, "sharing"))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert share_norms(nn.Linear(2, 2)) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_evaluation_and_by_itself_a_shared_norm_is_a_norm(monkeypatch, dtype):
    monkeypatch.setattr(norms.distributed, "all_reduce", lambda tensor: None)  # of one process
    plain, shared = random_norm(4).float(), random_norm(4).float()
    share_norms(shared)
    x = torch.randn(3, 4, 2, 5).to(dtype)
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0, "atol": 0.05}
    for training in (True, False):
        found, wanted = shared.train(training)(x), plain.train(training)(x)
        assert found.dtype == dtype
        torch.testing.assert_close(found, wanted.to(dtype), **close)
    torch.testing.assert_close(shared.running_var, plain.running_var)


def test_a_norm_that_does_not_share_normalises_by_its_own_rows():
    mean, var = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    found = moments(nn.BatchNorm1d(2), mean, var, 7)
    assert [part.tolist() for part in found] == [[1, 2], [3, 4], [7]]


def test_running_statistics_move_by_the_momentum_to_the_unbiased_variance():
    norm = nn.BatchNorm1d(2, momentum=0.25)
    mean, var = torch.tensor([4.0, -8.0], requires_grad=True), torch.tensor([2.0, 3.0])
    remember(norm, mean, var, torch.tensor([5.0]))
    assert norm.running_mean.tolist() == [1.0, -2.0]
    wanted = [0.75 + 0.25 * 2 * 5 / 4, 0.75 + 0.25 * 3 * 5 / 4]
    assert norm.running_var.tolist() == pytest.approx(wanted)
    assert norm.num_batches_tracked == 1
    assert not norm.running_mean.requires_grad
    remember(norm, mean.double(), var.double(), torch.tensor([1.0]))  # of one value
    assert norm.running_mean.dtype == torch.float32
    assert norm.running_var.tolist() == pytest.approx(
        [0.75 * w + 0.25 * v for w, v in zip(wanted, (2, 3), strict=True)]
    )


def test_a_sum_leaves_what_it_is_given(monkeypatch):
    monkeypatch.setattr(norms.distributed, "all_reduce", lambda tensor: tensor.mul_(3))
    x, toward = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([5.0, -1.0])
    kept = toward.clone()
    found = norms.Sum.apply(x)
    found.backward(toward)
    assert (x.tolist(), found.tolist(), x.grad.tolist()) == ([1, 2], [3, 6], [15, -3])
    assert torch.equal(toward, kept)
