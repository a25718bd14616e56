"""Poolings over time that several back ends share.

Attentive statistics: Okabe et al., Interspeech 2018.
"""

import torch
from torch import nn

from ..torch_utils.masks import valid_mask


class AttentiveStatistics(nn.Module):
    """(B, C, T) -> (B, 2C): mean and deviation over time, weighted by attention.

    The weights of each channel are a softmax over time of Linear(C, bottleneck) - tanh -
    Linear(bottleneck, C). Frames where the mask (B, T) is 0 have none.
    """

    def __init__(self, dim: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv1d(dim, bottleneck, 1)
        self.score = nn.Conv1d(bottleneck, dim, 1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.score(self.squeeze(x).tanh())
        weights = scores.masked_fill(mask[:, None] == 0, float("-inf")).softmax(2)
        mean = (weights * x).sum(2)
        variance = (weights * (x - mean[:, :, None]).square()).sum(2)
        # the root has no gradient at 0, where an utterance of one frame is
        return torch.cat([mean, variance.clamp(min=1e-7).sqrt()], 1)


class AttentionPool(nn.Module):
    """(B, T, D), valid frames (B,) -> (B, D): a mean over time, weighted by softmax(w x + b)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        beyond = ~valid_mask(lengths.to(x.device), x.shape[1])[:, :, None]
        weights = self.score(x).masked_fill(beyond, float("-inf")).softmax(1)
        return (weights * x).sum(1)
