"""Nes2Net and Nes2Net-X (Liu et al., IEEE T-IFS 2025): nested Res2Net, no reduction of D.

The D channels are split into `splits` parts. Part i, with the previous part's output added, goes
through a Res2Net block, ReLU and batch norm; the last part goes as it is. All are joined, batch
norm, ReLU, pooled over time, and one linear layer gives the logits.

A block splits its own channels again, into `scale` parts. In `Nes2Net` each part has the previous
output added, then convolution, ReLU, batch norm. In `Nes2NetX` the previous outputs are put
on a new axis instead: part i is put to what there is, the convolution runs over all, and
a learnt weighted sum over the axis is the part's output.

Parameters with D 1024, 8 x 8, squeeze ratio 1: 512,039 (X) and 511,794; with `pooling: astp`
777,383 (X). Where the paper leaves it open, the convolutions have dilation 2.
"""

import torch
from torch import nn

from ..config import one_of
from ..errors import UserError
from ..layers.pooling import AttentiveStatistics
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_features


class Nes2Net(BackEnd):
    """Reads one layer (B, 1, T, D).

    Args: dim: D; splits, scale: parts, outside and inside of a block; squeeze: ratio of the
    squeeze-and-excitation; dilation; pooling: mean or astp (attentive statistics, bottleneck 128).
    """

    shaped_by = ("dim",)
    last_layer = "output"

    nested = False  # whether a block keeps the previous outputs next to each other

    def __init__(
        self,
        dim: int = 1024,
        splits: int = 8,
        scale: int = 8,
        squeeze: int = 1,
        dilation: int = 2,
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        one_of("config", "model_conf.pooling", pooling, ("mean", "astp"))
        if dim % splits or (dim // splits) % scale:
            raise UserError(
                f"config: model_conf.dim is {dim}, wanted a multiple of splits x scale, "
                f"{splits} x {scale}"
            )
        self.dim, width = dim, dim // splits
        self.blocks = nn.ModuleList(
            Block(width, scale, squeeze, dilation, self.nested) for _ in range(splits - 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(splits - 1))
        self.norm = nn.BatchNorm1d(dim)
        self.pool = AttentiveStatistics(dim, 128) if pooling == "astp" else masked_mean
        self.output = nn.Linear(2 * dim if pooling == "astp" else dim, 2)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, layers=1, dim=self.dim)
        mask = frame_mask(lengths, x.shape[2])
        *parts, last = x[:, 0].transpose(1, 2).chunk(len(self.blocks) + 1, 1)  # (B, D / splits, T)
        outputs, before = [], 0
        for part, block, norm in zip(parts, self.blocks, self.norms, strict=True):
            before = norm(block(before + part, mask).relu())
            outputs.append(before)
        joined = self.norm(torch.cat([*outputs, last], 1)).relu()
        return self.output(self.pool(joined, mask))


class Nes2NetX(Nes2Net):
    """The same with nested blocks."""

    nested = True


class Block(nn.Module):
    """A Res2Net block (B, C, T) with squeeze-and-excitation and a residual connection."""

    def __init__(
        self, channels: int, scale: int, squeeze: int, dilation: int, nested: bool
    ) -> None:
        super().__init__()
        width, count = channels // scale, scale - 1
        self.spread = nn.Conv1d(channels, channels, 1)
        self.spread_norm = nn.BatchNorm1d(channels)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(count)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(count))
        sizes = range(2, count + 2) if nested else ()
        self.weights = nn.ParameterList(torch.full((size,), 1 / size) for size in sizes)
        self.join = nn.Conv1d(channels, channels, 1)
        self.join_norm = nn.BatchNorm1d(channels)
        self.excite = nn.Sequential(
            nn.Linear(channels, channels // squeeze),
            nn.ReLU(),
            nn.Linear(channels // squeeze, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        *parts, last = self.spread_norm(self.spread(x).relu()).chunk(len(self.convs) + 1, 1)
        outputs = self._nested(parts, last, mask) if self.weights else self._added(parts, mask)
        joined = self.join_norm(self.join(torch.cat([*outputs, last], 1)).relu())
        return x + joined * self.excite(masked_mean(joined, mask))[:, :, None]

    def _added(self, parts, mask):
        outputs, before = [], 0
        for index, part in enumerate(parts):
            before = self._convolve(index, before + part, mask)
            outputs.append(before)
        return outputs

    def _nested(self, parts, last, mask):
        outputs, kept = [], last[None]  # (N, B, C / scale, T), one more with each part
        for index, part in enumerate(parts):
            kept = torch.cat([kept, part[None]])
            found = self._convolve(index, kept.flatten(0, 1), mask.repeat(len(kept), 1))
            kept = found.view_as(kept)
            outputs.append(torch.einsum("n,nbct->bct", self.weights[index], kept))
        return outputs

    def _convolve(self, index, x, mask):
        """What is beyond an utterance is zero for the convolution, as beyond an edge."""
        return self.norms[index](self.convs[index](x * mask[:, None]).relu())
