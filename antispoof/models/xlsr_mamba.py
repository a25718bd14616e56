"""XLSR-Mamba (Xiao and Das, arXiv 2411.10027): two columns of Mamba, of which one runs backward.

A block adds to a residual: r = r + h; h = Mamba(RMSNorm(r)). Behind a column, h = RMSNorm(r + h),
the same norm in both, and a mean over time weighted by attention, one for each column. Both means
go through two linear layers without an activation between them.

1,936,950 parameters with D 1024, width 144 and 6 blocks a column.

`final: intended` is that model. `released` is what the published program computes in its usual
configuration: behind a column it takes the column's input in place of the last h, and in the
backward column it takes it unreversed. So the last block of each column has no effect and no
gradient, 291,168 parameters in all. It is there to give what imported weights were trained to give.
"""

import torch
from torch import nn

from ..config import one_of
from ..layers.mamba import Mamba, RMSNorm, reverse
from ..layers.pooling import AttentionPool
from ..layers.projected import ProjectedStates
from .back_end import BackEnd
from .checks import check_features


class XlsrMamba(BackEnd):
    """Reads one layer (B, 1, T, D).

    Args: dim: D; width: of a frame behind the projection; depth: blocks of a column; dropout;
    final: intended or released.
    """

    shaped_by = ("dim",)
    last_layer = "output"

    def __init__(
        self,
        dim: int = 1024,
        width: int = 144,
        depth: int = 6,
        dropout: float = 0.1,
        final: str = "intended",
    ) -> None:
        super().__init__()
        one_of("config", "model_conf.final", final, ("intended", "released"))
        self.dim, self.released = dim, final == "released"
        self.project = ProjectedStates(dim, width)
        self.dropout_in, self.dropout = nn.Dropout(dropout), nn.Dropout(dropout)
        self.onward, self.backward_ = (
            nn.ModuleList(Block(width, depth) for _ in range(depth)) for _ in range(2)
        )
        self.norm = RMSNorm(width)
        self.pools = nn.ModuleList(AttentionPool(width) for _ in range(2))
        self.hidden = nn.Linear(2 * width, width)
        self.output = nn.Linear(width, 2)

    def column(
        self, blocks: nn.ModuleList, x: torch.Tensor, unreversed: torch.Tensor
    ) -> torch.Tensor:
        """(B, T, width) -> the same; unreversed: the frames of x in their own order."""
        residual, hidden = x, blocks[0](x)
        for block in blocks[1 : len(blocks) - self.released]:
            residual = residual + hidden
            hidden = block(residual)
        if self.released:
            residual, hidden = residual + hidden if len(blocks) > 1 else x, unreversed
        return self.norm(residual + hidden)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim)
        x = self.dropout_in(self.project(x, lengths))
        onward = self.column(self.onward, x, x)
        back = self.column(self.backward_, reverse(x, lengths), x)
        pairs = zip(self.pools, (onward, back), strict=True)
        pooled = torch.cat([pool(states, lengths) for pool, states in pairs], 1)
        return self.output(self.dropout(self.hidden(pooled)))


class Block(nn.Module):
    """(B, T, width) -> Mamba of its RMSNorm."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.norm, self.mamba = RMSNorm(width), Mamba(width, blocks=depth)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mamba(self.norm(x))
