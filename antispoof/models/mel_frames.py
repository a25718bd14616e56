"""A small CNN over a mel spectrogram that says which frames are spoofed, at several resolutions.

Four blocks of conv 3x3 - BN - ReLU - max-pool: each halves frequency, the first also time, so that
frames of 10 ms become frames of 20 ms. Channels and what is left of frequency are projected to
`hidden`. Each resolution has conv 3 - ReLU and a linear layer; between two, the larger of two
frames halves time, and a linear layer and ReLU follow. Widths 16-32-64-64, hidden 64 and six
resolutions have 189,198 parameters from waveforms. It reads waveforms, or cached log-mels of a hop
of 10 ms.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from ..features.mel import MelFrontEnd, deltas_and_norm
from ..layers.lengths import by_frame
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import FrameBackEnd, Frames
from .checks import check_features, check_waves
from .resolutions import check_rule, halve, least_frame


class MelFrames(FrameBackEnd):
    """Args: widths: channels of the blocks; front_end: wave or cached; mels: of cached ones;
    hidden: width of a frame; scales: resolutions from 20 ms on; dropout: before each output;
    utterance: branch, from the mean of the coarsest frames, or minimum, the least bona fide of the
    finest ones.
    """

    frame_seconds = 0.01

    def __init__(
        self,
        widths: Sequence[int] = (16, 32, 64, 64),
        front_end: str = "wave",
        mels: int = 80,
        hidden: int = 64,
        scales: int = 6,
        dropout: float = 0.3,
        utterance: str = "branch",
    ) -> None:
        super().__init__()
        self.front_end = MelFrontEnd() if front_end == "wave" else None
        self.reads = "waveform" if front_end == "wave" else "features"
        self.rule = check_rule(utterance)
        self.learns_whole = utterance == "branch"
        self.resolutions = tuple(0.02 * 2**k for k in range(scales))
        mels = 128 if front_end == "wave" else mels
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
            )
            for before, after in itertools.pairwise([2, *widths])
        )
        self.project = nn.Linear(widths[-1] * (mels >> len(widths)), hidden)
        self.branches = nn.ModuleList(
            nn.Conv1d(hidden, hidden, 3, padding=1) for _ in range(scales)
        )
        self.between = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(scales - 1))
        self.outputs = nn.ModuleList(nn.Linear(hidden, 2) for _ in range(scales))
        self.dropout = nn.Dropout(dropout)
        if self.learns_whole:
            self.output = nn.Linear(hidden, 2)

    def image(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms or cached features -> (B, 2, D, T) mel and delta, and (B,) valid frames."""
        if self.front_end is not None:
            check_waves(x, lengths, self.front_end.mel.hop_length)
            return self.front_end(x, lengths)
        check_features(x, lengths, layers=1, least=2)
        return deltas_and_norm(x[:, 0].transpose(1, 2), lengths), lengths

    def hidden(
        self, image: torch.Tensor, counts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 2, D, T), frames of 10 ms -> (B, T // 2, hidden), frames of 20 ms."""
        for number, (conv, norm, activate) in enumerate(self.blocks):
            image = activate(self._normed(norm, conv(image), counts))
            image = max_pool2d(image, (2, 1 if number else 2))
            counts = counts if number else counts // 2
            # what is beyond an utterance is zero again, as at the edge of an unpadded one
            image = image * frame_mask(counts, image.shape[3])[:, None, None, :]
        x = relu(self.project(image.permute(0, 3, 1, 2).flatten(2)))
        return x * frame_mask(counts, x.shape[1])[:, :, None], counts

    def _normed(self, norm, image, counts):
        """A batch norm of (B, C, D, T) whose statistics are those of the valid frames alone."""
        if not self.training or bool((counts == image.shape[3]).all()):
            return norm(image)
        rows = by_frame(lambda own: norm(own[..., None])[..., 0], image.permute(0, 3, 1, 2), counts)
        return rows.permute(0, 2, 3, 1)

    def localise(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[list[Frames], torch.Tensor]:
        x, counts = self.hidden(*self.image(x, lengths))
        found = []
        for k, (branch, output) in enumerate(zip(self.branches, self.outputs, strict=True)):
            if k:
                x, counts = halve(x, counts, width=False)
                x = relu(self.between[k - 1](x)) * frame_mask(counts, x.shape[1])[:, :, None]
            own = relu(branch(x.transpose(1, 2)).transpose(1, 2))
            found.append(Frames(self.resolutions[k], output(self.dropout(own)), counts))
        if not self.learns_whole:
            return found, least_frame(found[0])
        mean = masked_mean(x.transpose(1, 2), frame_mask(counts, x.shape[1]))
        return found, self.output(self.dropout(mean))
