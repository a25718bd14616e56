"""The attention of SSL_Anti-spoofing's AASIST over an image: weighted means of rows and columns.

    a = W' BN(SELU(W x + b)) + b'      1 x 1 convolutions C - 2C - C, at each row f and column t
    node of a row: sum_t x softmax_t(a)        node of a column: sum_f x softmax_f(a)

Written out, it is bound by memory, not by arithmetic. Here the norm becomes part of the second
product, in training too, and on a CPU one utterance is done at a time, which stays in the cache;
backward computes a again and knows that d mean / d a = softmax (x - mean).
"""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..torch_utils.autocast import full_precision
from ..torch_utils.onednn import product
from ..torch_utils.plain import is_plain
from .norms import moments, remember

SELU = (1.6732632423543772, 1.0507009873554805, 1.0)  # alpha, scale, scale of the input


class AttentionMap(nn.Module):
    """Image (B, C, F, T) -> a node for each row (B, F, C) and each column (B, T, C).

    Args: channels: C; width: of the hidden layer, 2 C where it is not given.
    """

    def __init__(self, channels: int, width: int | None = None) -> None:
        super().__init__()
        width = width or 2 * channels
        self.wide = nn.Conv2d(channels, width, 1)
        self.norm = nn.BatchNorm2d(width)
        self.narrow = nn.Conv2d(width, channels, 1)

    @full_precision
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.permute(0, 2, 3, 1)  # (B, F, T, C), as it is in memory
        plain = is_plain() or x.is_cuda  # whose time goes into starting kernels: few large ones
        wide_of, means_of = (plain_wide, plain_means) if plain else (Wide.apply, Means.apply)
        wide, mean, var = wide_of(x, self.wide.weight[:, :, 0, 0], self.wide.bias, self.training)
        norm, weight = self.norm, self.narrow.weight[:, :, 0, 0]
        if self.training:
            mean, var, count = moments(norm, mean, var, wide.shape[:3].numel())
            remember(norm, mean, var, count)
        else:
            mean, var = norm.running_mean, norm.running_var
        scale = norm.weight * (var + norm.eps).rsqrt()
        shift = norm.bias - mean * scale
        return means_of(x, wide, weight * scale, self.narrow.bias + weight @ shift)


def plain_wide(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, statistics: bool
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
    """What `Wide` computes."""
    wide = F.selu(F.linear(x, weight, bias))
    if not statistics:
        return wide, None, None
    var, mean = torch.var_mean(wide, (0, 1, 2), correction=0)
    return wide, mean, var


def plain_means(
    x: torch.Tensor, wide: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `Means` computes."""
    logits = F.linear(wide, weight, bias)
    return (logits.softmax(2) * x).sum(2), (logits.softmax(1) * x).sum(1)


def pieces(x: torch.Tensor) -> list[slice]:
    """What to do at once: an utterance on a CPU, else the batch."""
    count = len(x) if x.device.type == "cpu" else 1
    return [slice(n, n + 1) for n in range(count)] if count > 1 else [slice(None)]


class Wide(torch.autograd.Function):
    """SELU(W x + b) of x (B, F, T, C), and if wanted its mean and variance over (B, F, T)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, statistics: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        wide = x.new_empty(*x.shape[:3], len(weight))
        means, spreads = [], []
        for piece in pieces(x):
            out = F.selu(product(x[piece].flatten(0, 2), weight, bias), inplace=True)
            wide[piece] = out.view_as(wide[piece])
            if statistics:
                means.append(out.mean(0))
                spreads.append((out - means[-1]).square_().mean(0))
        mean = var = None
        if statistics:  # pieces are of equal size
            means = torch.stack(means)
            mean = means.mean(0)
            var = torch.stack(spreads).mean(0) + (means - mean).square().mean(0)
        ctx.save_for_backward(x, weight, wide, mean)
        return wide, mean, var

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, to_wide: torch.Tensor, to_mean: torch.Tensor, to_var: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        x, weight, wide, mean = ctx.saved_tensors
        to_x, to_weight = torch.empty_like(x), torch.zeros_like(weight)
        to_bias = weight.new_zeros(len(weight))
        count = wide.shape[:3].numel()
        for piece in pieces(x):
            found, own = wide[piece].flatten(0, 2), x[piece].flatten(0, 2)
            grad = to_wide[piece].flatten(0, 2)
            if mean is not None:
                slope = to_var * (2 / count)
                grad = torch.addcmul(grad, found, slope).add_(to_mean / count - mean * slope)
            grad = torch.ops.aten.elu_backward(grad, *SELU, True, found)
            to_bias += grad.sum(0)
            to_weight.addmm_(grad.t(), own)
            to_x[piece] = product(grad, weight.t()).view_as(to_x[piece])
        return to_x, to_weight, to_bias, None


class Means(torch.autograd.Function):
    """x (B, F, T, C), its wide states, W' and b' -> nodes of rows (B, F, C), columns (B, T, C)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, wide: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.new_empty(*x.shape[:2], x.shape[3]), x.new_empty(*x[:, 0].shape)
        for piece in pieces(x):
            own = x[piece]
            logits = _logits(wide[piece], weight, bias)
            rows[piece] = logits.softmax(2).mul_(own).sum(2)
            columns[piece] = logits.softmax(1).mul_(own).sum(1)
        ctx.save_for_backward(x, wide, weight, bias, rows, columns)
        return rows, columns

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, to_rows: torch.Tensor, to_columns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        x, wide, weight, bias, rows, columns = ctx.saved_tensors
        to_x, to_wide = torch.empty_like(x), torch.empty_like(wide)
        to_weight, to_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        for piece in pieces(x):
            own, logits = x[piece], _logits(wide[piece], weight, bias)
            by_time = logits.softmax(2).mul_(to_rows[piece].unsqueeze(2))
            by_row = logits.softmax(1).mul_(to_columns[piece].unsqueeze(1))
            grad = (own - rows[piece].unsqueeze(2)).mul_(by_time)
            grad.addcmul_(own - columns[piece].unsqueeze(1), by_row)
            torch.add(by_time, by_row, out=to_x[piece])
            grad = grad.flatten(0, 2)
            to_bias += grad.sum(0)
            to_weight.addmm_(grad.t(), wide[piece].flatten(0, 2))
            to_wide[piece] = product(grad, weight.t()).view_as(to_wide[piece])
        return to_x, to_wide, to_weight, to_bias


def _logits(wide, weight, bias):
    return product(wide.flatten(0, 2), weight, bias).unflatten(0, wide.shape[:3])
