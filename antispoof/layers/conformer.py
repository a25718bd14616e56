"""The conformer block (Gulati et al., Interspeech 2020), with a class token as its first position.

    x = x + FF(LN x) / 2;  x = x + A(LN x);  x = x + C(x);  x = x + FF(LN x) / 2;  x = LN x

FF: D - 4 D - D with Swish. C: LN, linear to 4 D, GLU, depthwise convolution of 31 frames, batch
norm, Swish, linear to D. A: attention of H heads, no bias in q, k and v, and a table R of relative
positions that the heads share; positions more than 512 apart share a row of it:

    logit_ij = (D / H)^-1/2 (q_i . k_j + q_i . R[clip(i - j) + 512])

589,572 parameters with D 144 and 4 heads, of them 36,900 in R.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import UserError
from ..torch_utils.masks import valid_mask
from ..torch_utils.onednn import FastLinear
from ..torch_utils.tracing import is_traceable
from .lengths import by_frame

FAR = 512
TAPS = 31


class ConformerBlock(nn.Module):
    """Tokens (B, N, D), valid tokens (B,) -> the same. attention: (dim, heads) -> module of A."""

    def __init__(self, dim: int, heads: int, attention: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = FeedForward(dim), FeedForward(dim)
        self.attention_norm, self.attention = nn.LayerNorm(dim), attention(dim, heads)
        self.conv = Convolution(dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = x + 0.5 * self.first(x)
        x = x + self.attention(self.attention_norm(x), lengths)
        x = x + self.conv(x, lengths)
        return self.norm(x + 0.5 * self.second(x))


class FeedForward(nn.Module):
    """LN, D - 4 D - D."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.wide, self.narrow = FastLinear(dim, 4 * dim), FastLinear(4 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.narrow(F.silu(self.wide(self.norm(x))))


class Convolution(nn.Module):
    """What is beyond an utterance is zero for the convolution, and not in the batch norm."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(dim)
        self.wide = FastLinear(dim, 4 * dim)
        self.conv = nn.Conv1d(2 * dim, 2 * dim, TAPS, padding=TAPS // 2, groups=2 * dim)
        self.norm = nn.BatchNorm1d(2 * dim)
        self.narrow = FastLinear(2 * dim, dim)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = F.glu(self.wide(self.norm_in(x)), 2)
        x = x * valid_mask(lengths, x.shape[1])[:, :, None]
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        return self.narrow(F.silu(by_frame(self.norm, x, lengths)))


class RelativeAttention(nn.Module):
    """A of the block."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        width = head_width(dim, heads)
        self.heads = heads
        self.qkv = FastLinear(dim, 3 * dim, bias=False)
        self.join = FastLinear(dim, dim)
        self.table = nn.Parameter(torch.randn(2 * FAR + 1, width))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        query, key, value = split_heads(self.qkv(x), self.heads)
        count = x.shape[1]
        span = FAR if is_traceable() else min(FAR, count - 1)
        at = torch.arange(count, device=x.device)
        index = (at[:, None] - at).clamp(-span, span) + span  # (N, N)
        near = query @ self.table[FAR - span : FAR + span + 1].t()  # (B, H, N, 2 span + 1)
        index = index.expand(near.shape[0], near.shape[1], -1, -1)
        found = attend(query, key, value, valid_mask(lengths, count), near.gather(3, index))
        return self.join(found)


def head_width(dim: int, heads: int) -> int:
    """D / H. Raises UserError where it is no whole number."""
    if dim % heads:
        raise UserError(f"config: model_conf.width is {dim}, wanted a multiple of {heads} heads")
    return dim // heads


def split_heads(qkv: torch.Tensor, heads: int) -> tuple[torch.Tensor, ...]:
    """(B, N, 3 D) -> query, key and value (B, H, N, D / H), the query scaled."""
    query, key, value = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in qkv.chunk(3, 2))
    return query * query.shape[3] ** -0.5, key, value


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    inside: torch.Tensor,
    more: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """Attention (B, H, N, D / H) to tokens that are `inside` (B, N) -> (B, N, D).

    more: (B, H, N, N), added to the logits.
    """
    logits = query @ key.transpose(2, 3) + more
    weights = logits.masked_fill(~inside[:, None, None], float("-inf")).softmax(3)
    return (weights @ value).transpose(1, 2).flatten(2)
