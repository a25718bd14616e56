"""XLSR-Conformer with temporal-channel modelling (Truong et al., Interspeech 2024, 2406.17376).

The attention of XLSR-Conformer is another one, which sees means over time of its heads' channels:

    m_h = mean over the tokens of channels of head h
    t_h = GELU(LN(the H parts of W m_h + b)), joined, plus a learnt vector of head h
    attention of the N tokens and the t_h, without relative positions
    class = class + mean of the t_h + mean of the frames        of what attention gave them

The t_h are left out again. Sinusoids are added to the frames once, before the class token is put
in front.

2,382,628 parameters with D 1024 and width 144. The published weights hold 1,440,000 more, the
sinusoids of 10,000 frames, which are computed here.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.conformer import attend, head_width, split_heads
from ..torch_utils.masks import valid_mask
from ..torch_utils.onednn import FastLinear
from .xlsr_conformer import XlsrConformer


class HeadTokenAttention(nn.Module):
    """Tokens (B, N, D), the class first; valid tokens (B,) -> the same."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        width = head_width(dim, heads)
        self.heads = heads
        self.qkv = FastLinear(dim, 3 * dim, bias=False)
        self.join = FastLinear(dim, dim)
        self.spread, self.norm = nn.Linear(width, dim), nn.LayerNorm(width)
        self.own = nn.Parameter(torch.zeros(heads, dim))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        count, inside = x.shape[1], valid_mask(lengths, x.shape[1])
        means = (_shares(inside, x) @ x)[:, 0].unflatten(1, (self.heads, -1))  # (B, H, D / H)
        parts = self.norm(self.spread(means).unflatten(2, (self.heads, -1)))
        tokens = F.gelu(parts).flatten(2) + self.own  # (B, H, D)
        known = torch.cat([inside, inside[:, :1].expand(-1, self.heads)], 1)
        query, key, value = split_heads(self.qkv(torch.cat([x, tokens], 1)), self.heads)
        found = self.join(attend(query, key, value, known))
        first, frames, tokens = found[:, :1], found[:, 1:count], found[:, count:]
        means = tokens.mean(1, keepdim=True) + _shares(inside[:, 1:], x) @ frames
        return torch.cat([first + means, frames], 1)


class XlsrConformerTcm(XlsrConformer):
    """Reads one layer (B, 1, T, D). Args: as of XlsrConformer."""

    attention = HeadTokenAttention

    def placed(self, frames: torch.Tensor) -> torch.Tensor:
        return frames + sinusoids(frames)


def sinusoids(frames: torch.Tensor) -> torch.Tensor:
    """(T, D) for frames (B, T, D): sin and cos of p / 10000^(2 floor(i / 2) / D) in turn."""
    dim, number = frames.shape[2], torch.arange(frames.shape[2], device=frames.device)
    at = torch.arange(frames.shape[1], device=frames.device, dtype=torch.float64)
    angles = at[:, None] / 10000 ** (2 * (number // 2).double() / dim)
    return torch.where(number % 2 == 0, angles.sin(), angles.cos()).to(frames.dtype)


def _shares(inside, x):
    """(B, 1, N): of each valid token in the mean."""
    inside = inside.to(x.dtype)
    return (inside / inside.sum(1, keepdim=True))[:, None]
