"""Matrix products on a CPU through oneDNN, whose products are fast on every processor.

PyTorch gives products of float32 to MKL, which does them at less than half of oneDNN's rate on
processors that are not Intel's. `torch.ops.mkldnn._linear_pointwise` is what torch.compile makes of
a linear layer; where it is not there, or the numbers are others, PyTorch's own product stands in.
"""

import contextlib
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import register_flop_formula

from .plain import is_plain

FEW = 64 * 64 * 64  # multiply-accumulates below which starting oneDNN costs more than it brings
aten = torch.ops.aten
_onednn: Any = (
    getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch._C._has_mkldnn else None
)


def product(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """x (P, C) W^T + b of W (O, C), b (O,) -> (P, O). Not seen by autograd."""
    if not _suits(x, weight):
        return x @ weight.t() if bias is None else torch.addmm(bias, x, weight.t())
    return _onednn(x, weight.contiguous(), bias, "none", [], "")


def _suits(x, weight):
    return (
        _onednn is not None
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and x.ndim == 2
        and len(x) * weight.numel() > FEW
    )


class FastLinear(nn.Linear):
    """nn.Linear by `product`, where it is of float32 on a CPU and stays so."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kind = x.device.type
        if (
            is_plain()
            or kind != "cpu"
            or x.dtype != torch.float32
            or torch.is_autocast_enabled(kind)
        ):
            return super().forward(x)
        return _Linear.apply(x, self.weight, self.bias)


class _Linear(torch.autograd.Function):
    """x (..., C) W^T + b."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return product(x.flatten(0, -2), weight, bias).unflatten(0, x.shape[:-1])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad, x, shape = grad.flatten(0, -2), x.flatten(0, -2), x.shape
        to_x = product(grad, weight.t()).view(shape) if ctx.needs_input_grad[0] else None
        return to_x, grad.t() @ x, grad.sum(0) if ctx.needs_input_grad[2] else None


def fast_products(device: str | torch.device) -> contextlib.AbstractContextManager[Any]:
    """A context in which linear layers on a CPU go through `product`."""
    return Products() if torch.device(device).type == "cpu" else contextlib.nullcontext()


class Products(TorchDispatchMode):
    """While it is on, what others compute by linear layers goes through `product` too."""

    @classmethod
    def _should_skip_dynamo(cls):
        """False: what keeps the compiler out imports it, for a second, and costs at each call."""
        return False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is aten.addmm.default and not kwargs and args[0].ndim == 1:
            bias, x, weight = args
            if _suits(x, weight):
                return product(x, weight.t(), bias)
        elif function is aten.linear.default and not kwargs and args[0].ndim > 1:
            x, weight = args[0].flatten(0, -2), args[1]
            if _suits(x, weight):
                return product(x, *args[1:]).unflatten(0, args[0].shape[:-1])
        return function(*args, **(kwargs or {}))


if _onednn is not None:

    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _flops(x, weight, *_, **__):
        return 2 * x[0] * weight[0] * weight[1]
