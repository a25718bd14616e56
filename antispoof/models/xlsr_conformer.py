"""XLSR-Conformer (Rosello et al., Interspeech 2023, doi 10.21437/Interspeech.2023-1820).

The last hidden state of XLS-R goes through `ProjectedStates`; a learnt class token is put in front,
four conformer blocks follow, and one linear layer of the class token gives the logits.

2,506,324 parameters with D 1024 and width 144.
"""

import torch
from torch import nn

from ..layers.conformer import ConformerBlock, RelativeAttention
from ..layers.projected import ProjectedStates
from .back_end import BackEnd
from .checks import check_features


class XlsrConformer(BackEnd):
    """Reads one layer (B, 1, T, D).

    Args: dim: D; width: of a frame behind the projection; heads: of the attention; depth: blocks.
    """

    shaped_by = ("dim",)
    last_layer = "output"
    attention: type[nn.Module] = RelativeAttention

    def __init__(self, dim: int = 1024, width: int = 144, heads: int = 4, depth: int = 4) -> None:
        super().__init__()
        self.dim = dim
        self.project = ProjectedStates(dim, width)
        self.token = nn.Parameter(torch.rand(1, 1, width))
        self.blocks = nn.ModuleList(
            ConformerBlock(width, heads, self.attention) for _ in range(depth)
        )
        self.output = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim)
        frames = self.placed(self.project(x, lengths))
        x = torch.cat([self.token.expand(frames.shape[0], -1, -1), frames], 1)
        for block in self.blocks:
            x = block(x, lengths + 1)
        return self.output(x[:, 0])

    def placed(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, width) with what says where they are."""
        return frames
