"""Fake-Mamba (arXiv 2508.09294): blocks in which one Mamba reads both directions.

    n = LN x;  m = Mamba(n) + the reverse of Mamba(the reverse of n);  x = x + FF(LN m)

FF is D - 4 D - D with GELU; nothing goes around the Mamba, and no norm is behind the last block.
Then a mean over time weighted by attention, and one linear layer.

2,336,405 parameters with D 1024, width 144 and 7 blocks, which the published program has, 3,899,525
with the 12 of the published weights. Written from the definition alone.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.mamba import Mamba, reverse
from ..layers.pooling import AttentionPool
from ..layers.projected import ProjectedStates
from ..torch_utils.onednn import FastLinear
from .back_end import BackEnd
from .checks import check_features


class FakeMamba(BackEnd):
    """Reads one layer (B, 1, T, D).

    Args: dim: D; width: of a frame behind the projection; depth: blocks.
    """

    shaped_by = ("dim",)
    last_layer = "output"

    def __init__(self, dim: int = 1024, width: int = 144, depth: int = 7) -> None:
        super().__init__()
        self.dim = dim
        self.project = ProjectedStates(dim, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.pool = AttentionPool(width)
        self.output = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim)
        x = self.project(x, lengths)
        for block in self.blocks:
            x = block(x, lengths)
        return self.output(self.pool(x, lengths))


class Block(nn.Module):
    """(B, T, width), valid frames (B,) -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_in, self.mamba, self.norm = nn.LayerNorm(width), Mamba(width), nn.LayerNorm(width)
        self.wide, self.narrow = FastLinear(width, 4 * width), FastLinear(4 * width, width)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        normed = self.norm_in(x)
        # both directions in one call
        both = self.mamba(torch.cat([normed, reverse(normed, lengths)]))
        onward, back = both.chunk(2)
        mixed = self.norm(onward + reverse(back, lengths))
        return x + self.narrow(F.gelu(self.wide(mixed)))
