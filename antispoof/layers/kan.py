"""A layer of splines (KAN), as AASIST3 has it.

    y_o = sum_i W_oi PReLU(x_i) + sum_i g_oi sum_k w_oik B_k(x_i)

B_k are the 20 B-splines of degree 4 with knots 1/8 apart, from -1.5 to 1.5, 16 intervals of which
lie in [-1, 1]. All are zero outside [-1.5, 1.5], where W alone acts. 22 parameters for each input
and output, and the slope of the PReLU.

The knots are equal steps, so each B_k is the same function of u, how many steps x is from its
middle: a sum of powers that end where the polynomials change, with (v)+ = max(v, 0),

    B(u) = ((2.5 - |u|)+^4 - 5 (1.5 - |u|)+^4 + 10 (0.5 - |u|)+^4) / 24

Twenty numbers for each that comes in are much to keep: backward computes them again.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..torch_utils.autocast import full_precision
from ..torch_utils.onednn import product
from ..torch_utils.plain import is_plain

DEGREE = 4
INTERVALS = 16  # between -1 and 1
STEP = 2 / INTERVALS
BASES = INTERVALS + DEGREE
REACH = 1 + DEGREE * STEP
POWERS = ((2.5, 1), (1.5, -5), (0.5, 10))  # where each ends, and its factor
PIECE = 2**17  # numbers at once on a CPU
NOISE = 0.1  # deviation of the coefficients at the start, over the intervals


class Kan(nn.Module):
    """(..., before) -> (..., after)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before))
        self.coefficients = nn.Parameter(torch.randn(after, before, BASES) * NOISE / INTERVALS)
        self.scale = nn.Parameter(torch.empty(after, before))
        self.slope = nn.Parameter(torch.full((1,), 0.25))
        for matrix in (self.weight, self.scale):
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        curves = (self.coefficients * self.scale[..., None]).flatten(1)  # (after, before BASES)
        straight = F.linear(F.prelu(x, self.slope), self.weight)
        return straight + splines(x, curves)


@full_precision
def splines(x: torch.Tensor, curves: torch.Tensor) -> torch.Tensor:
    """x (..., before), curves (after, before 20) -> (..., after)."""
    return plain_splines(x, curves) if is_plain() else Splines.apply(x, curves)


def plain_splines(x: torch.Tensor, curves: torch.Tensor) -> torch.Tensor:
    """What `Splines` computes."""
    return F.linear(bases(x).flatten(-2), curves)


class Splines(torch.autograd.Function):
    """x (..., before), curves (after, before 20) -> (..., after), in pieces that fit a cache."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, curves: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, curves)
        rows = x.flatten(0, -2)
        found = x.new_empty(len(rows), len(curves))
        for piece in _pieces(rows):
            found[piece] = product(_values(_steps_from_middle(rows[piece]))[0].flatten(1), curves)
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, curves = ctx.saved_tensors
        rows, grad = x.flatten(0, -2), grad.flatten(0, -2)
        to_x, to_curves = torch.empty_like(rows), torch.zeros_like(curves)
        for piece in _pieces(rows):
            away = _steps_from_middle(rows[piece])
            value, slope = _values(away)
            to_curves.addmm_(grad[piece].t(), value.flatten(1))
            to_value = product(grad[piece], curves.t()).view_as(slope)
            to_x[piece] = slope.mul_(away.sign_()).mul_(to_value).sum(2).div_(-6 * STEP)
        return to_x.view_as(x), to_curves


def _pieces(rows):
    count = max(PIECE // (rows.shape[1] * BASES), 1) if rows.device.type == "cpu" else len(rows)
    return [slice(first, first + count) for first in range(0, len(rows), max(count, 1))]


def _steps_from_middle(x):
    """(...) -> (..., 20): u of each spline."""
    middle = torch.arange(BASES, dtype=x.dtype, device=x.device) + (DEGREE + 1) / 2
    return (x + REACH).div_(STEP)[..., None] - middle


def _values(away):
    """B of u, and what multiplied by -sign(u) / 6 is its slope."""
    size, value, slope = away.abs(), torch.zeros_like(away), torch.zeros_like(away)
    for end, factor in POWERS:
        part = (end - size).clamp_(min=0)
        cube = part.square().mul_(part)
        slope.add_(cube, alpha=factor)
        value.addcmul_(cube, part, value=factor / 24)
    return value, slope


def bases(x: torch.Tensor) -> torch.Tensor:
    """(...) -> (..., 20): the splines of each number."""
    middle = torch.arange(BASES, dtype=x.dtype, device=x.device) + (DEGREE + 1) / 2
    away = ((x[..., None] + REACH) / STEP - middle).abs()
    parts = ((end - away).clamp(min=0).square().square() * factor for end, factor in POWERS)
    return sum(parts, torch.zeros_like(away)) / 24
