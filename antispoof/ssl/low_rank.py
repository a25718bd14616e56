"""Changes of low rank of a weight matrix: LoRA, DoRA, and a mixture of LoRA experts.

W (out, in) stays as it is; V (rank, in) begins at random, U (out, rank) at zero, s = alpha / rank:

    LoRA       W x + s U V x                              E. Hu et al., "LoRA", ICLR 2022
    DoRA       m (W + s U V) x / ||W + s U V||, each row by its own norm and magnitude m
                                                          S.-Y. Liu et al., "DoRA", ICML 2024
    experts    W x + s sum_e g_e(x) U_e V_e x, g = softmax(R x) of each frame
                                                          arXiv 2509.09175, 2509.13878

In training, dropout falls on the x of U V x alone. At the start all of them give W x.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.autocast import full_precision


class LowRank(nn.Module):
    """LoRA of a matrix: called with x (..., in), its weight (out, in) and its bias or None."""

    merges = True  # whether it is a change of the weight alone, which `merged` gives

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        outer, inner = weight.shape
        self.scale = alpha / rank
        self.dropout = nn.Dropout(dropout)
        self.down = nn.Parameter(torch.empty(rank, inner))  # V
        self.up = nn.Parameter(torch.zeros(outer, rank))  # U
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        return F.linear(x, weight, bias) + self.change(x)

    def change(self, x: torch.Tensor) -> torch.Tensor:
        """s U V x."""
        return self.scale * F.linear(F.linear(self.dropout(x), self.down), self.up)

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight (out, in) that alone gives what `forward` gives without dropout."""
        return weight + self.scale * self.up @ self.down


class Dora(LowRank):
    """DoRA of a matrix: the rows of LoRA's weight at norm 1, times a magnitude each."""

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float, dropout: float) -> None:
        super().__init__(weight, rank, alpha, dropout)
        self.magnitude = nn.Parameter(self.norms(weight).detach().clone())

    def forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        x = (F.linear(x, weight) + self.change(x)) * (self.magnitude / self.norms(weight))
        return x if bias is None else x + bias

    def norms(self, weight: torch.Tensor) -> torch.Tensor:
        """The norm of each row of W + s U V, without making that matrix."""
        return _row_norms(weight, self.scale * self.up, self.down)

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        return super().merged(weight) * (self.magnitude / self.norms(weight))[:, None]


@full_precision
def _row_norms(weight, up, down):
    """||w + u V|| of each row w of W (out, in) and u of U (out, rank), multiplied out."""
    squares = weight.square().sum(1) + 2 * (up * (weight @ down.T)).sum(1)
    return (squares + (up @ (down @ down.T) * up).sum(1)).clamp(min=1e-12).sqrt()


class Experts(nn.Module):
    """A mixture of LoRA experts with a router of its own: see the module."""

    merges = False

    def __init__(
        self, weight: torch.Tensor, rank: int, alpha: float, dropout: float, experts: int
    ) -> None:
        super().__init__()
        outer, inner = weight.shape
        self.scale = alpha / rank
        self.dropout = nn.Dropout(dropout)
        self.router = nn.Parameter(torch.empty(experts, inner))
        self.down = nn.Parameter(torch.empty(experts, rank, inner))
        self.up = nn.Parameter(torch.zeros(experts, outer, rank))
        for matrix in (self.router, *self.down):
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))

    def forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        gates = F.linear(x, self.router).softmax(-1)
        low = F.linear(self.dropout(x), self.down.flatten(0, 1))
        low = low.unflatten(-1, self.down.shape[:2]) * gates[..., None]
        up = self.up.permute(1, 0, 2).flatten(1)  # (out, experts x rank)
        return F.linear(x, weight, bias) + self.scale * F.linear(low.flatten(-2), up)

    def penalty(self) -> torch.Tensor:
        """How far the experts are from orthogonal: ||G - I||^2, G the cosines of their V."""
        rows = F.normalize(self.down.flatten(1), dim=1)
        return (rows @ rows.T - torch.eye(len(rows), device=rows.device)).square().sum()
