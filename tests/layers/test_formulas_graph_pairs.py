"""Pairs, products and precision: the fast forms give what the plain ones give, in every case."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from antispoof.layers import pair_scores as pairs
from antispoof.layers.pair_scores import pair_scores, square
from antispoof.torch_utils import onednn
from antispoof.torch_utils.autocast import full_precision
from antispoof.torch_utils.onednn import FastLinear, Products, fast_products, product


def inputs(count, dtype=torch.float64, batch=2):
    torch.manual_seed(count)
    shapes = ((batch, count, 3), (4, 3), (4,), (3, 4))
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in shapes]


def plain_scores(x, weight, bias, vectors):
    """(B, N, N, K), pair by pair."""
    rows = [
        torch.stack(
            [torch.tanh((x[:, i] * x[:, j]) @ weight.t() + bias) for j in range(x.shape[1])]
        )
        for i in range(x.shape[1])
    ]
    return (torch.stack(rows) @ vectors.t()).movedim(2, 0)


def spread(scores, count):
    return scores.flatten(1, 2)[:, square(count, "cpu")]


@pytest.mark.parametrize("at_once", [1, 2 * 7 * 3 * 2, 1 << 17])
@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_pairs_done_in_groups_of_any_size_have_the_scores_and_gradients(
    monkeypatch, at_once, count
):
    monkeypatch.setattr(pairs.torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(pairs, "AT_ONCE", at_once)
    own = inputs(count)
    found, wanted = spread(pair_scores(*own), count), plain_scores(*own)
    torch.testing.assert_close(found, wanted)
    toward = torch.randn_like(found)
    for mine, theirs in zip(
        torch.autograd.grad((found * toward).sum(), own),
        torch.autograd.grad((wanted * toward).sum(), own),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)
    with torch.no_grad():
        torch.testing.assert_close(spread(pair_scores(*own), count), wanted)


def test_the_formula_as_it_stands_has_the_scores_of_each_pair():
    own = inputs(7)
    found, wanted = pairs.dense_pair_scores(*own), plain_scores(*own)
    torch.testing.assert_close(found, wanted)
    kind = torch.arange(49).view(7, 7) % 3
    chosen = pairs.score_matrix(*own, kind)
    for i, j in ((0, 1), (6, 0), (3, 3), (2, 6)):
        torch.testing.assert_close(chosen[:, i, j], wanted[:, i, j, kind[i, j]])
    one = [*own[:3], own[3][:1]]
    torch.testing.assert_close(pairs.score_matrix(*one), wanted[..., 0])


def test_groups_hold_all_distances_once_and_no_more_than_the_room(monkeypatch):
    monkeypatch.setattr(pairs.torch, "get_num_threads", lambda: 2)
    x = torch.zeros(3, 10, 4)
    for at_once, sizes in ((1, [1] * 6), (120, [2] * 3), (240, [4, 2]), (1000, [6])):
        monkeypatch.setattr(pairs, "AT_ONCE", at_once)
        groups = pairs._groups(x)
        assert [stop - start for start, stop in groups] == sizes
        assert [d for start, stop in groups for d in range(start, stop)] == list(range(6))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_compilers_are_given_the_shapes_that_come_out(count):
    own = [tensor.detach() for tensor in inputs(count)]
    for keep in (True, False):
        torch.library.opcheck(
            torch.ops.antispoof.pair_scores, (*own, keep), test_utils="test_faketensor"
        )
    scores, kept = torch.ops.antispoof.pair_scores(*own, True)
    x, weight, _, vectors = own
    torch.library.opcheck(
        torch.ops.antispoof.pair_scores_backward,
        (torch.ones_like(scores), x, weight, vectors, kept),
        test_utils="test_faketensor",
    )


def test_what_nobody_differentiates_is_not_kept():
    own = inputs(5)
    seen = []

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            if "pair_scores" in str(function):
                seen.append(out[1].numel())
            return out

    with Seen():
        pair_scores(*own)
        with torch.no_grad():
            pair_scores(*own)
    assert seen == [2 * 3 * 5 * 4, 0]


def test_pairs_of_two_bytes_under_autocast_are_of_four():
    own = inputs(6, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = pair_scores(own[0].bfloat16(), *own[1:])
    assert found.dtype == torch.float32
    own[0] = own[0].bfloat16().float()
    torch.testing.assert_close(spread(found, 6), plain_scores(*own), rtol=1e-4, atol=1e-4)


def test_full_precision_widens_what_is_of_two_bytes_and_nothing_else():
    @full_precision
    def look(*args):
        """Its words."""
        return torch.is_autocast_enabled("cpu"), args

    halves = [torch.ones(2, dtype=kind) for kind in (torch.float16, torch.bfloat16)]
    others = [torch.ones(2, dtype=kind) for kind in (torch.float32, torch.float64, torch.int32)]
    with torch.autocast("cpu", torch.bfloat16):
        enabled, found = look("a word", *halves, *others)
        assert torch.is_autocast_enabled("cpu")
    assert enabled is False
    assert found[0] == "a word"
    wanted = [torch.float32] * 3 + [torch.float64, torch.int32]
    assert [tensor.dtype for tensor in found[1:]] == wanted
    assert (look.__name__, look.__doc__) == ("look", "Its words.")


class Calls(TorchDispatchMode):
    """How many products go through oneDNN."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += "_linear_pointwise" in str(function)
        return function(*args, **(kwargs or {}))


def calls(function, *args):
    """(result, products through oneDNN)."""
    with torch.no_grad(), Calls() as seen:
        found = function(*args)
    return found, seen.count


onednn = pytest.mark.skipif(onednn._onednn is None, reason="a PyTorch without oneDNN")


@onednn
@pytest.mark.parametrize(
    ("rows", "dtype", "wanted"),
    [
        (65, torch.float32, 1),
        (64, torch.float32, 0),
        (65, torch.float64, 0),
        (1000, torch.bfloat16, 0),
    ],
)
def test_large_products_of_four_bytes_go_through_onednn(rows, dtype, wanted):
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(shape).to(dtype) for shape in ((rows, 64), (64, 64), (64,)))
    found, count = calls(product, x, weight, bias)
    assert count == wanted
    atol = 0.3 if dtype == torch.bfloat16 else 1e-4
    torch.testing.assert_close(found, F.linear(x, weight, bias), atol=atol, rtol=0)
    assert calls(product, x, weight)[1] == wanted


@onednn
def test_a_fast_layer_steps_back_for_other_numbers_and_autocast():
    torch.manual_seed(0)
    layer, x = FastLinear(64, 64), torch.randn(2, 70, 64)
    found, count = calls(layer, x)
    assert count == 1
    torch.testing.assert_close(found, F.linear(x, layer.weight, layer.bias), atol=1e-4, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert calls(layer.double(), x.double())[1] == 0


def test_a_fast_layer_gives_no_gradient_that_nobody_wants():
    layer, x = FastLinear(5, 4), torch.randn(3, 2, 5)
    layer(x).square().sum().backward()
    assert x.grad is None
    wanted = 2 * F.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer.bias.grad, wanted.sum((0, 1)))
    torch.testing.assert_close(layer.weight.grad, torch.einsum("abo,abi->oi", wanted, x))


@onednn
def test_while_products_is_on_only_what_suits_is_taken():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(3, 90, 64), torch.randn(128, 64), torch.randn(128)
    flat = x.flatten(0, 1)
    cases = [
        (lambda: F.linear(x, weight, bias), 1),
        (lambda: F.linear(x, weight), 1),
        (lambda: F.linear(x[:, :1], weight, bias), 0),
        (lambda: F.linear(x[0, 0], weight, bias), 0),
        (lambda: torch.addmm(bias, flat, weight.t()), 1),
        (lambda: torch.addmm(bias, flat[:4], weight.t()), 0),
        (lambda: torch.addmm(bias, flat, weight.t(), beta=0.5, alpha=3), 0),
        (lambda: torch.addmm(torch.ones(270, 128), flat, weight.t()), 0),
        (lambda: torch.addmm(bias.double(), flat.double(), weight.t().double()), 0),
    ]
    for number, (case, wanted) in enumerate(cases):
        with torch.inference_mode(), Calls() as seen, Products():
            found = case()
        assert seen.count == wanted, number
        torch.testing.assert_close(found, case(), atol=1e-4, rtol=0)


def test_fast_products_are_of_a_cpu():
    assert isinstance(fast_products("cpu"), Products)
    assert isinstance(fast_products(torch.device("cpu")), Products)
    assert not isinstance(fast_products("cuda:0"), Products)


def test_parameters_of_pairs_take_the_type_of_the_nodes():
    own = [tensor.detach() for tensor in inputs(4, torch.float32)]
    found = pair_scores(own[0].double(), *own[1:])
    assert found.dtype == torch.float64
    torch.testing.assert_close(spread(found, 4), plain_scores(*(one.double() for one in own)))
