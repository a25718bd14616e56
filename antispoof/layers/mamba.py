"""The Mamba layer (Gu and Dao, arXiv 2312.00752), and what a back end of such layers needs.

    (x, z) = W_in u                          each d = 2 D wide
    x = SiLU(causal depthwise convolution of 4 frames)
    (r, b, c) = W_x x                        of ceil(D / 16), N and N numbers
    y = scan(x, softplus(W_dt r + beta), -exp(A_log), b, c) + P x     see selective_scan.py
    out = W_out (y SiLU(z))

145,440 parameters with D 144 and N 16, 32,640 with D 64.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.onednn import FastLinear
from .selective_scan import selective_scan

STEPS = (1e-3, 1e-1)  # between which the steps begin
LEAST = 1e-4


class Mamba(nn.Module):
    """(B, T, D) -> (B, T, D), each frame from itself and those before it.

    Args: dim: D; states: N; taps: of the convolution; blocks: how many are in a row, by whose root
    the last weights are divided at the start.
    """

    def __init__(self, dim: int, states: int = 16, taps: int = 4, blocks: int = 1) -> None:
        super().__init__()
        inner, rank = 2 * dim, math.ceil(dim / 16)
        self.sizes = [rank, states, states]
        self.enter = FastLinear(dim, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, taps, padding=taps - 1, groups=inner)
        self.select = FastLinear(inner, sum(self.sizes), bias=False)
        self.step = FastLinear(rank, inner)
        self.log_decay = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))
        self.skip = nn.Parameter(torch.ones(inner))
        self.leave = FastLinear(inner, dim, bias=False)
        with torch.no_grad():
            self.step.weight.uniform_(-(rank**-0.5), rank**-0.5)
            low, high = (math.log(step) for step in STEPS)
            steps = torch.empty(inner).uniform_(low, high).exp().clamp(min=LEAST)
            self.step.bias.copy_(steps + (-(-steps).expm1()).log())  # softplus of it is `steps`
            self.leave.weight.div_(math.sqrt(blocks))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        x, gate = self.enter(u).chunk(2, 2)
        x = self.conv(x.transpose(1, 2))[:, :, : u.shape[1]].transpose(1, 2)
        x = F.silu(x)
        rank, b, c = self.select(x).split(self.sizes, 2)
        step = F.softplus(self.step(rank))
        y = selective_scan(x, step, -self.log_decay.exp(), b, c) + self.skip * x
        return self.leave(y * F.silu(gate))


class RMSNorm(nn.Module):
    """x / sqrt(mean of x^2 over the last axis + 1e-5), times a weight."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * self.weight


def reverse(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """x (B, T, D) with the valid frames of each utterance in reverse, which still stand first."""
    at = torch.arange(x.shape[1], device=x.device)
    index = (lengths.to(x.device)[:, None] - 1 - at).clamp(min=0)
    return x.gather(1, index[:, :, None].expand_as(x))
