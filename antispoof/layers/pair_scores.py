"""Attention scores of all pairs of nodes, each unordered pair computed once.

    s_k(i, j) = v_k . tanh(W (x_i * x_j) + b)

is symmetric in i and j, so node i meets only the nodes i, i + 1, ..., i + N/2, counted around the
circle: about half the products, and no (B, N, N, D) array. On a CPU one such distance is done at a
time, which stays in the cache; backward computes the products again. On a GPU, whose time goes into
starting kernels as long as the array is small, it is the formula as it stands: a few large ones.

A counter of operations (`FlopCounterMode`) sees the N * N products of the formula.
"""

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import register_flop_formula

from ..torch_utils.autocast import full_precision
from ..torch_utils.onednn import product
from ..torch_utils.plain import is_plain
from ..torch_utils.tracing import is_traceable

DENSE = 1 << 24  # numbers of a (B, N, N, D) array that a GPU may hold: 64 MB of float32
AT_ONCE = 1 << 17  # numbers of a group of distances for each thread: 512 kB of float32


def score_matrix(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    vectors: torch.Tensor,
    kind: torch.Tensor | None = None,
) -> torch.Tensor:
    """Nodes x (B, N, D), W (O, D), b (O,), v (K, O) -> s (B, N, N) by the vector kind (N, N).

    Without `kind` there is one vector.
    """
    count = x.shape[1]
    if is_traceable() or (x.is_cuda and x.numel() * count <= DENSE):
        scores = dense_pair_scores(x, weight, bias, vectors)
        if kind is None:
            return scores[..., 0]
        return scores.gather(3, kind.expand(len(x), -1, -1)[..., None])[..., 0]
    index = len(vectors) * square(count, x.device)
    index = (index if kind is None else index + kind).flatten()
    scores = pair_scores(x, weight, bias, vectors).flatten(1)
    return scores.index_select(1, index).view(len(x), count, count)


@full_precision
def dense_pair_scores(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, vectors: torch.Tensor
) -> torch.Tensor:
    """The formula as it stands: (B, N, N, K)."""
    weight, bias, vectors = weight.to(x.dtype), bias.to(x.dtype), vectors.to(x.dtype)
    return F.linear(x[:, :, None] * x[:, None], weight, bias).tanh() @ vectors.t()


@full_precision
def pair_scores(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, vectors: torch.Tensor
) -> torch.Tensor:
    """Nodes x (B, N, D), W (O, D), b (O,), v (K, O) -> s (B, N // 2 + 1, N, K) at [distance, i]."""
    parameters = [parameter.to(x.dtype) for parameter in (weight, bias, vectors)]
    if is_plain():
        return plain_pair_scores(x, *parameters)
    return torch.ops.antispoof.pair_scores(x, *parameters, torch.is_grad_enabled())[0]


def plain_pair_scores(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, vectors: torch.Tensor
) -> torch.Tensor:
    """What `pair_scores` computes."""
    reach = x.shape[1] // 2 + 1
    products = torch.stack([x * x.roll(-distance, 1) for distance in range(reach)], 1)
    return F.linear(products, weight, bias).tanh() @ vectors.t()


def square(count: int, device: torch.device) -> torch.Tensor:
    """Where s(i, j) stands in [distance, i] -> (N, N) indices into distance * N + i."""
    index = torch.arange(count, device=device)
    ahead = (index[None] - index[:, None]) % count  # how far j is ahead of i
    near = ahead <= count // 2
    distance = torch.where(near, ahead, count - ahead)
    return distance * count + torch.where(near, index[:, None], index[None])


def _groups(x):
    """Distances to be done at once: slices of 0 ... N // 2."""
    batch, count, dim = x.shape
    reach = count // 2 + 1
    room = AT_ONCE * torch.get_num_threads()
    step = reach if x.is_cuda else max(1, room // max(1, batch * count * dim))
    return [(start, min(start + step, reach)) for start in range(0, reach, step)]


def _neighbours(twice, count, start, stop):
    """View of x twice over (B, 2N, D): x_(i + d) as (B, d, N, D)."""
    return torch.stack([twice[:, d : d + count] for d in range(start, stop)], 1)


@torch.library.custom_op("antispoof::pair_scores", mutates_args=())
def _pair_scores(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, vectors: torch.Tensor, keep: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    twice, count = torch.cat([x, x], 1), x.shape[1]
    scores = x.new_empty(x.shape[0], count // 2 + 1, count, len(vectors))
    kept = []
    for start, stop in _groups(x):
        products = _neighbours(twice, count, start, stop).mul_(x[:, None])
        hidden = product(products.flatten(0, 2), weight, bias).tanh_()
        part = (hidden @ vectors.t()).view(len(x), stop - start, count, -1)
        scores[:, start:stop] = part
        if keep:
            kept.append(hidden)
    return scores, torch.cat(kept) if keep else x.new_empty(0)


@_pair_scores.register_fake
def _(x, weight, bias, vectors, keep):
    shape = (x.shape[0], x.shape[1] // 2 + 1, x.shape[1])
    hidden = (shape[0] * shape[1] * shape[2], weight.shape[0]) if keep else 0
    return x.new_empty(*shape, vectors.shape[0]), x.new_empty(hidden)


@torch.library.custom_op("antispoof::pair_scores_backward", mutates_args=())
def _pair_scores_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    vectors: torch.Tensor,
    kept: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    twice, count = torch.cat([x, x], 1), x.shape[1]
    to_twice = torch.zeros_like(twice)
    to_x, to_weight = torch.zeros_like(x), torch.zeros_like(weight)
    to_bias, to_vectors = torch.zeros_like(weight[:, 0]), torch.zeros_like(vectors)
    for start, stop in _groups(x):
        products = (_neighbours(twice, count, start, stop) * x[:, None]).flatten(0, 2)
        hidden = kept[start * len(x) * count : stop * len(x) * count]
        part = grad[:, start:stop].reshape(-1, len(vectors))
        to_vectors.t().addmm_(hidden.t(), part)  # CUDA refuses one vector the other way round
        inner = (part @ vectors).mul_(hidden.square().neg_().add_(1))
        to_bias += inner.sum(0)
        to_weight.addmm_(inner.t(), products)
        to_products = product(inner, weight.t()).view(len(x), stop - start, count, -1)
        for d in range(start, stop):
            one = to_products[:, d - start]
            to_x.addcmul_(one, twice[:, d : d + count])
            to_twice[:, d : d + count].addcmul_(one, x)
    return to_x + to_twice[:, :count] + to_twice[:, count:], to_weight, to_bias, to_vectors


@_pair_scores_backward.register_fake
def _(grad, x, weight, vectors, kept):
    return tuple(torch.empty_like(of) for of in (x, weight, weight[:, 0], vectors))


def _save(ctx, inputs, output):
    x, weight, _, vectors, _ = inputs
    ctx.save_for_backward(x, weight, vectors, output[1])


def _backward(ctx, grad, _):
    return *torch.ops.antispoof.pair_scores_backward(grad, *ctx.saved_tensors), None


_pair_scores.register_autograd(_backward, setup_context=_save)


@register_flop_formula(torch.ops.antispoof.pair_scores)
def _flops(x, weight, *_, **__):
    (batch, count, dim), out = x, weight[0]
    return 2 * batch * count * count * out * (dim + 1)


@register_flop_formula(torch.ops.antispoof.pair_scores_backward)
def _flops_backward(grad, x, weight, *_, **__):
    return 2 * _flops(x, weight)
