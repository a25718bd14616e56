"""The residual convolutional encoder of RawGAT-ST and AASIST (Tak et al. 2021, Jung et al. 2022).

A block: conv (2, 3) - BN - SELU - conv (2, 3), added to its input, which goes through a conv (1, 3)
where the width changes; AASIST then takes the maximum of three frames. The published blocks but the
first also compute SELU(BN(x)) of their input, and then do not use it: that BN (`unused`) is counted
among the parameters and stands in the weights, so it is here too, and never runs.

Images are (B, C, F, T), channels last in memory: on a CPU the convolutions run twice as fast.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.tracing import is_traceable


class ResidualBlock(nn.Module):
    """(B, before, F, T) -> (B, after, F, T, or T // pool)."""

    def __init__(self, before: int, after: int, unused: bool = False, pool: int = 1) -> None:
        super().__init__()
        self.unused = nn.BatchNorm2d(before) if unused else None
        self.conv1 = nn.Conv2d(before, after, (2, 3), padding=(1, 1))
        self.norm = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, (2, 3), padding=(0, 1))
        same = before == after
        self.shortcut = None if same else nn.Conv2d(before, after, (1, 3), padding=(0, 1))
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            hidden = self.norm(convolve(x, self.conv1.weight, self.conv1.bias, (1, 1)))
        else:
            hidden = convolve(x, *folded(self.conv1, self.norm), (1, 1))
        out = self.conv2(F.selu(hidden, inplace=True))
        if self.shortcut is None:
            out += x
        else:
            out += convolve(x, self.shortcut.weight, self.shortcut.bias, (0, 1))
        return out if self.pool == 1 else F.max_pool2d(out, (1, self.pool))


class ResidualEncoder(nn.Sequential):
    """Blocks of `widths` channels: (B, widths[0], F, T) -> (B, widths[-1], F, T')."""

    def __init__(self, widths: Sequence[int], pool: int = 1) -> None:
        pairs = enumerate(itertools.pairwise(widths))
        super().__init__(*(ResidualBlock(a, b, index > 0, pool) for index, (a, b) in pairs))


def convolve(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: tuple[int, int]
) -> torch.Tensor:
    """conv2d with its channels last in memory.

    An image of one channel is in either order, and PyTorch would go on with channels first; it is a
    matrix product instead, of its patches.
    """
    if x.shape[1] > 1 or is_traceable():
        return F.conv2d(x, weight, bias, padding=padding)
    rows, columns = (
        size + 2 * pad - kernel + 1
        for size, pad, kernel in zip(x.shape[2:], padding, weight.shape[2:], strict=True)
    )
    patches = F.unfold(x, weight.shape[2:], padding=padding).transpose(1, 2)  # (B, F T, taps)
    return F.linear(patches, weight.flatten(1), bias).unflatten(1, (rows, columns)).movedim(3, 1)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """(weight, bias) of a convolution followed by a batch norm in evaluation."""
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    bias = (conv.bias - norm.running_mean) * scale + norm.bias
    return conv.weight * scale[:, None, None, None], bias
