"""LFCC-LCNN: a light CNN over LFCC with two recurrent layers, a classical baseline.

The light CNN of Lavrentyeva et al. (Interspeech 2019): nine convolutions of which each is followed
by the maximum of its two halves (max-feature-map), four of them by max-pool 2, six by a batch norm
without parameters. Then, as in the ASVspoof 2021 baseline (Wang and Yamagishi, Interspeech 2021,
"LCNN-LSTM-sum"), two bidirectional LSTMs over time with a connection around both, the mean over
time and a linear layer. 269,826 parameters with 60 coefficients (20 LFCC and their deltas).
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..features.lfcc import LFCCFrontEnd
from ..torch_utils.masks import frame_mask, masked_mean
from ..torch_utils.tracing import is_traceable
from .back_end import BackEnd
from .checks import check_waves

# channels after the max-feature-map, kernel, max-pool 2, batch norm
PLAN = (
    (32, 5, True, False),
    (32, 1, False, True),
    (48, 3, True, True),
    (48, 1, False, True),
    (64, 3, True, False),
    (64, 1, False, True),
    (32, 3, False, True),
    (32, 1, False, True),
    (32, 3, True, False),
)
SHRINK = 16  # of rows and frames, by four pools


class LFCCLCNN(BackEnd):
    """Reads waveforms (B, S). Args: count: LFCC of a frame, a third of its numbers; dropout."""

    reads = "waveform"
    last_layer = "output"

    def __init__(self, count: int = 20, dropout: float = 0.7) -> None:
        super().__init__()
        self.front_end = LFCCFrontEnd(count)
        stages, before = [], 1
        for after, kernel, pool, norm in PLAN:
            stages.append(Stage(before, after, kernel, pool, norm))
            before = after
        self.stages = nn.ModuleList(stages)
        self.dropout = nn.Dropout(dropout)
        dim = self.front_end.dim // SHRINK * before
        self.recurrent = nn.LSTM(dim, dim // 2, 2, batch_first=True, bidirectional=True)
        self.output = nn.Linear(dim, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_waves(x, lengths, (SHRINK - 1) * self.front_end.hop)
        coefficients, lengths = self.front_end(x, lengths)
        maps = coefficients[:, None]
        for stage in self.stages:
            maps, lengths = stage(maps, lengths)
        rows = self.dropout(maps).flatten(1, 2).transpose(1, 2)  # (B, T, C)
        mask = frame_mask(lengths, rows.shape[1])
        seen = self._recur(rows, lengths)
        return self.output(masked_mean((rows + seen).transpose(1, 2), mask))

    def _recur(self, rows, lengths):
        if is_traceable():
            return self.recurrent(rows)[0]
        packed = pack_padded_sequence(rows, lengths.cpu(), batch_first=True, enforce_sorted=False)
        seen, _ = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=rows.shape[1]
        )
        return seen


class Stage(nn.Module):
    """(B, C, D, T), (B,) frames -> the same of the next stage."""

    def __init__(self, before: int, after: int, kernel: int, pool: bool, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, 2 * after, kernel, padding=kernel // 2)
        self.pool = nn.MaxPool2d(2) if pool else None
        self.norm = nn.BatchNorm2d(after, affine=False) if norm else nn.Identity()

    def forward(
        self, maps: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # zero beyond an utterance, as beyond an edge
        maps = self.conv(maps * frame_mask(lengths, maps.shape[3])[:, None, None])
        half = self.conv.out_channels // 2  # a trace loses the sizes of chunks
        halves = (maps[:, :half], maps[:, half:]) if is_traceable() else maps.chunk(2, 1)
        maps = torch.maximum(*halves)
        if self.pool is not None:
            maps, lengths = self.pool(maps), lengths // 2
        return self.norm(maps), lengths
