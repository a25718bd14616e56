"""Mel-CNN: a small 2-D CNN over a mel spectrogram and its deltas, two channels.

Four blocks of conv 3x3 - BN - ReLU - max-pool 2, global average, Linear 64, ReLU, dropout, one
logit. Widths 32-64-128-256 have 405,121 parameters, 16-32-64-128 have 105,857. It reads waveforms
(`front_end: wave`), or cached log-mels, one layer of (T, D) (`front_end: cached`).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from ..features.mel import MelFrontEnd, deltas_and_norm
from ..torch_utils.masks import frame_mask
from .back_end import BackEnd
from .checks import check_features, check_waves


class MelCNN(BackEnd):
    """Args: widths: channels of the four blocks; front_end: wave or cached; hidden: width before
    the logit; dropout.
    """

    last_layer = "head"

    channels = 2  # of the image: mel and delta

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256),
        front_end: str = "wave",
        hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.front_end = MelFrontEnd() if front_end == "wave" else None
        self.reads = "waveform" if front_end == "wave" else "features"
        self.blocks = PooledConvolutions([self.channels, *widths])
        self.head = nn.Sequential(
            nn.Linear(widths[-1], hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def image(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms or cached features -> (B, 2, D, T) mel and delta, and (B,) valid frames."""
        least = 2 ** len(self.blocks)  # frames, of which the blocks leave one
        if self.front_end is not None:
            check_waves(x, lengths, (least - 1) * self.front_end.mel.hop_length)
            return self.front_end(x, lengths)
        check_features(x, lengths, layers=1, least=least)
        return deltas_and_norm(x[:, 0].transpose(1, 2), lengths), lengths

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        image, lengths = self.image(x, lengths)
        logit = self.head(self.blocks(image, lengths))
        # softmax over (0, z) is the sigmoid of z: cross-entropy on it is Bigford's BCE
        return torch.cat([torch.zeros_like(logit), logit], 1)


class PooledConvolutions(nn.ModuleList):
    """Images (B, C, D, T), valid frames (B,) -> (B, C'): blocks, and the mean over what is left.

    Args: channels: of the image and after each block, [C, ..., C']. Each block halves D and T.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
            for before, after in itertools.pairwise(channels)
        )

    def forward(self, image: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        image = image.contiguous(memory_format=torch.channels_last)  # a fifth faster on a CPU
        for block in self:
            image = block(image)
            lengths = lengths // 2
            # what is beyond an utterance is zero again, as at the edge of an unpadded one
            image = image * frame_mask(lengths, image.shape[3])[:, None, None, :]
        return image.sum((2, 3)) / (lengths[:, None] * image.shape[2])
