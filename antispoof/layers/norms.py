"""Batch norms of processes that learn together: their statistics are those of everybody's rows.

torch's SyncBatchNorm does this on GPUs alone, and cannot say that a process has no rows this time.
"""

from typing import Any

import torch
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Sharing:
    """What the batch norms of one model have in common.

    counts: whether the rows of this process do. One that has none computes a stand-in, so that
    every process meets every exchange.
    """

    counts = True

    def moments(
        self, mean: torch.Tensor, var: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean and variance (C,) of `count` values each, to those of all processes, and (1,)."""
        count = mean.new_tensor([float(count if self.counts else 0)])
        whole = Sum.apply(torch.cat([mean * count, count]))
        total = whole[-1:].detach()
        together = whole[:-1] / total
        var = Sum.apply(count * (var + (mean - together).square())) / total
        return together, var, total


class Sum(torch.autograd.Function):
    """The sum of all processes' tensors; backward, that of all their gradients."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        grad = grad.contiguous().clone()
        distributed.all_reduce(grad)
        return grad


def share_norms(model: nn.Module) -> Sharing | None:
    """Make the batch norms of `model` share, in place; their `Sharing`, or None without any."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    sharing = Sharing()
    for norm in norms:
        norm.__class__ = SHARED[type(norm)]  # state, parameters and names stay
        norm.sharing = sharing
    return sharing if norms else None


def moments(
    norm: nn.Module, mean: torch.Tensor, var: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(mean, variance, count) by which `norm` is to normalise: its own rows', or everybody's."""
    sharing = getattr(norm, "sharing", None)
    return sharing.moments(mean, var, count) if sharing else (mean, var, mean.new_tensor([count]))


@torch.no_grad()
def remember(norm: nn.Module, mean: torch.Tensor, var: torch.Tensor, count: torch.Tensor) -> None:
    """Move the running statistics of `norm`, as it would itself."""
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), norm.momentum)
    var = var * count / (count - 1).clamp(min=1)
    norm.running_var.lerp_(var.to(norm.running_var.dtype), norm.momentum)
    norm.num_batches_tracked += 1


class _Shared(_BatchNorm):
    def forward(self, x):
        if not self.training:
            return super().forward(x)
        values = x if x.dtype == torch.float64 else x.float()
        var, mean = torch.var_mean(values, [0, *range(2, x.ndim)], correction=0)
        mean, var, count = moments(self, mean, var, values.numel() // len(mean))
        remember(self, mean, var, count)
        scale = (var + self.eps).rsqrt()
        shape = (-1, *[1] * (x.ndim - 2))
        scale = scale if self.weight is None else scale * self.weight
        out = (values - mean.view(shape)) * scale.view(shape)
        return (out if self.bias is None else out + self.bias.view(shape)).to(x.dtype)


class SharedBatchNorm1d(_Shared, nn.BatchNorm1d):
    """BatchNorm1d of all processes' rows."""


class SharedBatchNorm2d(_Shared, nn.BatchNorm2d):
    """BatchNorm2d of all processes' rows."""


SHARED = {nn.BatchNorm1d: SharedBatchNorm1d, nn.BatchNorm2d: SharedBatchNorm2d}
