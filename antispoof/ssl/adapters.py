"""What is added to a transformer layer to tune it: adapters, and prompts in front of its input.

    Bottleneck   a + U gelu(D a + d) + u, after attention and after the feed-forward part, each
                 before its residual            N. Houlsby et al., ICML 2019
    Convolution  a + U (c + g(c) c), c the depthwise convolutions of D a, each of a share of the
                 channels and of its own length; after attention          arXiv 2510.24852
    prompts      rows of a layer's own in front of its input, taken away behind it
                                                                          arXiv 2504.06753

U begins at zero, so that adapters change nothing at first. Prompts change the output from the
start, since attention sees them. The published prompts stay among the frames that the back end
reads, and the encoder's final norm is left out there; here neither is so.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    """Args: dim: D of x (..., D); width: between its two linear layers."""

    def __init__(self, dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(dim, width), nn.Linear(width, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """valid is what `Convolution` takes, and not read."""
        return x + self.up(self.dropout(F.gelu(self.down(x))))


class Convolution(nn.Module):
    """Multi-scale convolutions over time between two linear layers.

    Args: dim: D; width: between them, a multiple of how many kernels there are; kernels: odd
    lengths in frames, of which each has its share of the channels.
    """

    def __init__(self, dim: int, width: int, kernels: Sequence[int]) -> None:
        super().__init__()
        share = width // len(kernels)
        self.down = nn.Linear(dim, width, bias=False)
        self.scales = nn.ModuleList(
            nn.Conv1d(share, share, size, padding=size // 2, groups=share, bias=False)
            for size in kernels
        )
        self.gate = nn.Conv1d(width, width, 1, groups=width, bias=False)
        self.up = nn.Linear(width, dim, bias=False)
        nn.init.zeros_(self.up.weight)
        for scale in self.scales:
            nn.init.normal_(scale.weight, std=0.01)
            with torch.no_grad():
                scale.weight[..., scale.kernel_size[0] // 2] += 1

    def forward(self, x: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """x (B, T, D); valid (B, T): the frames that are no padding, all where it is None."""
        low = self.down(x)
        if valid is not None:
            low = low * valid[..., None]
        parts = low.transpose(1, 2).chunk(len(self.scales), 1)
        scales = torch.cat([s(part) for s, part in zip(self.scales, parts, strict=True)], 1)
        scales = scales + self.gate(scales) * scales
        return x + self.up(scales.transpose(1, 2))


class Prompts(nn.Module):
    """Rows in front of a layer's input."""

    def __init__(self, dim: int, count: int, dropout: float) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(count, dim))
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.rows)

    def forward(self, x: torch.Tensor, time: int) -> torch.Tensor:
        """x with `time` the dimension of its frames, T -> the same with count + T frames."""
        rows = self.dropout(self.rows)[:, None] if time == 0 else self.dropout(self.rows)[None]
        shape = (len(self.rows), x.shape[1]) if time == 0 else (x.shape[0], len(self.rows))
        return torch.cat([rows.expand(*shape, -1).to(x.dtype), x], time)
