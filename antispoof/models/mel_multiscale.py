"""Mel-MultiScale: convolutions of three sizes next to each other, then attentive statistics.

Three blocks over the mel image (2 x 128 x T): 3x3, 5x5 and 7x7 with dilation 3, each `width` wide
and without bias, joined; BN - ReLU - squeeze-and-excitation (ratio 16) - max-pool 2. Then attentive
statistics over time - Linear 64 - ReLU - dropout - one logit, as in Mel-CNN.

Bigford (2026) gives a size, "~2M, 2.2 MB", and no widths. Widths 16-32-64 with the 16 remaining mel
rows of each channel as channels (`rows: flat`, bottleneck 156) have 2,002,210 parameters, which is
the number; widths 14-28-56 with the mean over rows (bottleneck 128) have 560,568, which is 2.26 MB.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from ..config import one_of
from ..features.mel import MelFrontEnd
from ..layers.pooling import AttentiveStatistics
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_waves


class MelMultiScale(BackEnd):
    """Reads waveforms (B, S).

    Args: widths: of a branch of each block; rows: flat or mean, what becomes of the mel rows;
    bottleneck: of the attention; hidden; dropout.
    """

    reads = "waveform"
    last_layer = "head"

    def __init__(
        self,
        widths: Sequence[int] = (16, 32, 64),
        rows: str = "flat",
        bottleneck: int = 156,
        hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        one_of("config", "model_conf.rows", rows, ("flat", "mean"))
        self.front_end, self.flat = MelFrontEnd(), rows == "flat"
        channels = [2, *(3 * width for width in widths)]
        self.blocks = nn.ModuleList(
            MultiScaleBlock(before, after // 3) for before, after in itertools.pairwise(channels)
        )
        left = self.front_end.mel.n_mels // 2 ** len(widths)
        dim = channels[-1] * (left if self.flat else 1)
        self.pool = AttentiveStatistics(dim, bottleneck)
        self.head = nn.Sequential(
            nn.Linear(2 * dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        least = 2 ** len(self.blocks)  # frames, of which the blocks leave one
        check_waves(x, lengths, (least - 1) * self.front_end.mel.hop_length)
        image, lengths = self.front_end(x, lengths)
        image = image.contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU
        for block in self.blocks:
            image, lengths = block(image, lengths), lengths // 2
        rows = image.flatten(1, 2) if self.flat else image.mean(2)  # (B, C, T)
        logit = self.head(self.pool(rows, frame_mask(lengths, rows.shape[2])))
        return torch.cat([torch.zeros_like(logit), logit], 1)


class MultiScaleBlock(nn.Module):
    """(B, C, D, T), (B,) frames -> (B, 3 width, D / 2, T / 2)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(
                channels, width, size, padding=size // 2 * dilation, dilation=dilation, bias=False
            )
            for size, dilation in ((3, 1), (5, 1), (7, 3))
        )
        self.norm = nn.BatchNorm2d(3 * width)
        squeezed = max(3 * width // 16, 1)
        self.excite = nn.Sequential(
            nn.Linear(3 * width, squeezed),
            nn.ReLU(),
            nn.Linear(squeezed, 3 * width),
            nn.Sigmoid(),
        )
        self.shrink = nn.MaxPool2d(2)

    def forward(self, image: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = frame_mask(lengths, image.shape[3])
        image = image * mask[:, None, None]  # zero beyond an utterance, as beyond an edge
        image = self.norm(torch.cat([branch(image) for branch in self.branches], 1)).relu()
        weights = self.excite(masked_mean(image.mean(2), mask))
        return self.shrink(image) * weights[:, :, None, None]  # positive: the maxima stay
