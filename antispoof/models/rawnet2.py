"""RawNet2 as a countermeasure (Tak et al., ICASSP 2021), baseline of ASVspoof 2021.

A fixed bank of 20 sinc filters of 1,025 taps - magnitude - max-pool 3 - BN - SELU; six residual
blocks of two convolutions, each max-pooled by 3 and scaled by its own means (filter-wise feature
map scaling); BN - SELU - three GRU layers of 1,024, whose last output goes through Linear 1024 and
Linear 2. 17,621,410 parameters. The released code computes the first norm of a block and does not
use it; here it is used, as in the paper.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from ..features.sinc import sinc_filters
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_waves


class RawNet2(BackEnd):
    """Reads waveforms (B, S).

    Args: filters: of the sinc bank; taps: of each, odd; widths: channels of the six blocks; nodes:
    of a recurrent layer; recurrent: how many.
    """

    reads = "waveform"
    last_layer = "output"

    def __init__(
        self,
        filters: int = 20,
        taps: int = 1025,
        widths: Sequence[int] = (20, 20, 128, 128, 128, 128),
        nodes: int = 1024,
        recurrent: int = 3,
    ) -> None:
        super().__init__()
        self.register_buffer("bank", sinc_filters(filters, taps)[:, None], persistent=False)
        self.norm = nn.BatchNorm1d(filters)
        self.blocks = nn.ModuleList(
            Block(before, after, first=index == 0)
            for index, (before, after) in enumerate(itertools.pairwise([filters, *widths]))
        )
        self.last_norm = nn.BatchNorm1d(widths[-1])
        self.recurrent = nn.GRU(widths[-1], nodes, recurrent, batch_first=True)
        self.hidden = nn.Linear(nodes, nodes)
        self.output = nn.Linear(nodes, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        taps = self.bank.shape[2]
        check_waves(x, lengths, taps - 1 + 3 ** (1 + len(self.blocks)))
        maps, lengths = functional.conv1d(x[:, None], self.bank).abs(), lengths - taps + 1
        maps, lengths = functional.max_pool1d(maps, 3), lengths // 3
        maps = functional.selu(self.norm(maps))
        for block in self.blocks:
            maps, lengths = block(maps, lengths)
        maps = functional.selu(self.last_norm(maps))
        outputs, _ = self.recurrent(maps.transpose(1, 2))  # (B, T, nodes)
        own = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
        return self.output(self.hidden(outputs.gather(1, own)[:, 0]))


class Block(nn.Module):
    """(B, C, T), (B,) frames -> (B, C', T // 3), (B,) frames."""

    def __init__(self, before: int, after: int, first: bool) -> None:
        super().__init__()
        active = (nn.BatchNorm1d(before), nn.LeakyReLU(0.3))
        self.first = nn.Identity() if first else nn.Sequential(*active)
        self.conv1 = nn.Conv1d(before, after, 3, padding=1)
        self.second = nn.Sequential(nn.BatchNorm1d(after), nn.LeakyReLU(0.3))
        self.conv2 = nn.Conv1d(after, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv1d(before, after, 1)
        self.scale = nn.Linear(after, after)

    def forward(
        self, maps: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        inside = frame_mask(lengths, maps.shape[2])[:, None]  # beyond it is zero for a convolution
        found = self.conv1(self.first(maps) * inside)
        found = self.conv2(self.second(found) * inside)
        found = functional.max_pool1d(found + self.shortcut(maps), 3)
        lengths = lengths // 3
        means = masked_mean(found, frame_mask(lengths, found.shape[2]))
        scale = torch.sigmoid(self.scale(means))[:, :, None]
        return found * scale + scale, lengths
