"""What our own upstreams share: exact batches, windows over long sounds, attention."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.masks import valid_mask

AT_ONCE = 16  # windows of a long sound in the transformer


class Encoder(nn.Module):
    """Convolutions, then transformer layers: `forward([(S,), ...]) -> {"hidden_states": [...]}`.

    The hidden states, the input of the first layer and the output of each, are (B, T, D), T frames
    of the longest; what is behind an utterance's own `frame_count` is meaningless.

    Longer than the positional table: the convolutions run over the whole sound; the transformer
    runs over windows of the table's length, of which each shares at least half with the next, and a
    frame has its states from the window whose middle is nearest.

    Args: convolutions: [(S,), ...] -> (B, T, C), exact for any lengths; projection: what stands
    between them and the layers; layers: called with x (B, T, D) and seen (B, 1, 1, T) or None,
    giving a tuple that begins with x; table: frames that the positional table holds; width: D.
    """

    exact_in_batches = True
    frame_count: Callable[[int], int]  # samples -> frames; 0 where there is none

    def __init__(
        self, convolutions: nn.Module, projection: nn.Module, layers: nn.ModuleList,
        table: int, width: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.convolutions, self.projection, self.layers = convolutions, projection, layers
        self.register_buffer("positions", torch.zeros(table, width))
        self.dim = width
        self.feature_grad_mult = 1.0  # scales the gradient that reaches the convolutions

    def forward(self, waves: Sequence[torch.Tensor]) -> dict[str, list[torch.Tensor]]:
        counts = [self.frame_count(len(wave)) for wave in waves]
        assert min(counts) > 0, counts
        learns = any(p.requires_grad for p in self.convolutions.parameters())
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            x = self.convolutions(waves)
        if self.feature_grad_mult != 1:
            x = x * self.feature_grad_mult + x.detach() * (1 - self.feature_grad_mult)
        x = self.projection(x)
        if max(counts) <= len(self.positions):
            return {"hidden_states": self._encode(x, counts)}
        return {"hidden_states": self._encode_windows(x, counts)}

    def _encode(self, x, counts):
        """(B, T, D) of at most a table of frames -> the input of the first layer, each output."""
        x = x + self.positions[: x.shape[1]]
        seen, states = None, [x]
        if min(counts) < x.shape[1]:
            seen = valid_mask(torch.tensor(counts, device=x.device), x.shape[1])[:, None, None]
        for layer in self.layers:
            x, _ = layer(x, seen=seen)
            states.append(x)
        return [*states[:-1], self.last_state(x)]

    def last_state(self, x: torch.Tensor) -> torch.Tensor:
        """The last hidden state, from the output of the last layer."""
        return x

    def _encode_windows(self, x, counts):
        """The same of utterances of any length, each through the windows of its own length."""
        table = len(self.positions)
        states = [x.new_zeros(x.shape) for _ in range(1 + len(self.layers))]
        for item, count in enumerate(counts):
            plan, length = windows(count, table), min(count, table)
            for first in range(0, len(plan), AT_ONCE):
                some = plan[first : first + AT_ONCE]
                parts = torch.stack([x[item, w.start : w.start + length] for w in some])
                for whole, found in zip(states, self._encode(parts, [length]), strict=True):
                    for window, state in zip(some, found, strict=True):
                        own = slice(window.first - window.start, window.end - window.start)
                        whole[item, window.first : window.end] = state[own]
        return states


class Window(NamedTuple):
    """Frames from `start` on go through the transformer; of these `first` to `end` are kept."""

    start: int
    first: int
    end: int


def windows(count: int, table: int) -> list[Window]:
    """The windows of `table` frames over `count`: evenly spaced, by half a table at most."""
    most = max(count - table, 0)
    spaces = -(-most // (table // 2))
    starts = [round(most * n / spaces) if spaces else 0 for n in range(spaces + 1)]
    middles = [(a + b + table) // 2 for a, b in itertools.pairwise(starts)]
    return [Window(*w) for w in zip(starts, [0, *middles], [*middles, count], strict=True)]


class Attention(nn.Module):
    """Multi-head attention by the names of `nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor:
        x = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = x.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out_proj(x.transpose(1, 2).flatten(2))
