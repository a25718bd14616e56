"""The back end of AntiDeepfake (arXiv 2506.21090): the mean over time, one linear layer.

2,050 parameters with D 1024. The programs that made the published weights pad with zeros and count
them in the mean; here padding does not count, which is the same for an utterance by itself.
"""

import torch
from torch import nn

from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_features


class Linear(BackEnd):
    """Reads one layer (B, 1, T, D). Args: dim: D."""

    shaped_by = ("dim",)
    last_layer = "output"

    def __init__(self, dim: int = 1024) -> None:
        super().__init__()
        self.dim = dim
        self.output = nn.Linear(dim, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim)
        return self.output(masked_mean(x[:, 0].transpose(1, 2), frame_mask(lengths, x.shape[2])))
