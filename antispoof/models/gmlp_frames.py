"""gMLP over frames at six resolutions, 20 to 640 ms (Zhang et al., IEEE/ACM TASLP 2023).

A block of width d with f = d / 2 over T frames, of n at most:

    u = GELU(Linear d->f (LN x)), u1 and u2 its halves
    x += Linear f/2->d (u1 * (W LN(u2) + b))      W (n, n) over time, from +-0.01; b (n,) from 1

Each resolution has five of them and Linear d->f without bias. Between two of them, the largest of
2 x 2 numbers halves time and width, and Linear d->d follows. Widths 1024 to 32 give 33,055,038
parameters (24,506,938 at 20 ms, 350,176 between, 24,522 of the utterance), outputs 2,016 + 32, and
one weight for each layer. 64,600 samples (201 frames) are 201, 100, 50, 25, 12, 7 frames: the last
halving has a frame of padding on both sides, so that frame j of 640 ms holds what is 320 ms before
and after its start. As in the published code, its label is that of 640 j to 640 (j + 1) ms all the
same, half of which it knows through the gates alone. A table of 2,001 takes 1,983 frames (39.66 s),
since the padded halving of more needs a row more than its own table has.
"""

import torch
from torch import nn
from torch.nn.functional import gelu

from ..errors import UserError
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import FrameBackEnd, Frames
from .checks import check_features
from .resolutions import check_rule, halve, least_frame, mixed

PADDED = 4  # the halving that has padding


class GMLPFrames(FrameBackEnd):
    """Layers (B, L, T, D) -> frames at each of `scales` resolutions.

    Args: layers: L; dim: D, a multiple of 4 x 2^(scales - 1); scales: resolutions, from that of
        the features on; blocks: of each; table: n of the first, the most frames; frame_seconds: of
        the features; dropout: before the branch of the utterance; utterance: branch, a gMLP over
        the coarsest frames, or minimum, the least bona fide of the finest frames.
    """

    shaped_by = ("layers", "dim")

    def __init__(
        self,
        layers: int = 1,
        dim: int = 1024,
        scales: int = 6,
        blocks: int = 5,
        table: int = 2001,
        frame_seconds: float = 0.02,
        dropout: float = 0.7,
        utterance: str = "branch",
    ) -> None:
        super().__init__()
        least = 4 * 2 ** (scales - 1)
        if dim % least or not 1 <= scales <= 6:
            raise UserError(
                f"config: model_conf: found dim {dim} and scales {scales}, wanted 1 to 6 scales "
                f"and a multiple of {least}"
            )
        if not table >> (scales - 1):
            raise UserError(
                f"config: model_conf.table is {table}, wanted {2 ** (scales - 1)} or more, so "
                f"that each of {scales} scales has a row"
            )
        self.layers, self.dim, self.frame_seconds = layers, dim, frame_seconds
        self.most = most_frames(table, scales)
        self.resolutions = tuple(frame_seconds * 2**k for k in range(scales))
        self.rule = check_rule(utterance)
        self.learns_whole = utterance == "branch"
        self.layer_weights = nn.Parameter(torch.zeros(layers))
        widths = [dim >> k for k in range(scales)]
        tables = [table >> k for k in range(scales)]
        self.post_net = nn.ModuleDict(
            {
                "branches": nn.ModuleList(map(GMLP, widths, tables, [blocks] * scales)),
                "between": nn.ModuleList(nn.Linear(w, w) for w in widths[1:]),
            }
        )
        self.outputs = nn.ModuleList(nn.Linear(w // 2, 2, bias=False) for w in widths)
        if self.learns_whole:
            self.dropout = nn.Dropout(dropout)
            self.post_net["utterance"] = GMLP(widths[-1], tables[-1], blocks)
            self.output = nn.Linear(widths[-1] // 2, 2, bias=False)

    def localise(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[list[Frames], torch.Tensor]:
        check_features(x, lengths, self.layers, self.dim)
        if x.shape[2] > self.most:
            raise UserError(
                f"found {x.shape[2]} frames, the model takes {self.most} "
                f"({self.most * self.frame_seconds:g} s); shorten the sound (crop.seconds), or "
                "raise model_conf.table"
            )
        x, counts = mixed(x, self.layer_weights), lengths
        found = []
        for k, (branch, output) in enumerate(
            zip(self.post_net["branches"], self.outputs, strict=True)
        ):
            if k:
                x, counts = halve(x, counts, width=True, shifted=k - 1 == PADDED)
                x = self.post_net["between"][k - 1](x)
            found.append(Frames(self.resolutions[k], output(branch(x, counts)), counts))
        if not self.learns_whole:
            return found, least_frame(found[0])
        hidden = self.post_net["utterance"](self.dropout(x), counts)
        mean = masked_mean(hidden.transpose(1, 2), frame_mask(counts, hidden.shape[1]))
        return found, self.output(mean)


def most_frames(table: int, scales: int) -> int:
    """The most frames of the features for which each scale has a table that is long enough."""
    padded = PADDED + 1  # the scale behind that halving has a frame more
    return table if scales <= padded else min(table, ((table >> padded) << padded) - 1)


class GMLP(nn.Module):
    """(B, T, D), frames (B,) -> (B, T, D / 2): blocks, then a linear layer without bias."""

    def __init__(self, dim: int, table: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(dim, table) for _ in range(blocks))
        self.last = nn.Linear(dim, dim // 2, bias=False)

    def forward(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        inside = frame_mask(counts, x.shape[1])[:, :, None]
        for block in self.blocks:
            x = block(x, inside)
        return self.last(x)


class Block(nn.Module):
    """A gMLP block; frames under the mask (B, T, 1) alone reach the others."""

    def __init__(self, dim: int, table: int) -> None:
        super().__init__()
        inner = dim // 2
        self.norm, self.gate_norm = nn.LayerNorm(dim), nn.LayerNorm(inner // 2)
        self.up, self.down = nn.Linear(dim, inner), nn.Linear(inner // 2, dim)
        self.weight = nn.Parameter(torch.empty(table, table).uniform_(-0.01, 0.01))
        self.bias = nn.Parameter(torch.ones(table))

    def forward(self, x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        frames = x.shape[1]
        kept, gate = gelu(self.up(self.norm(x))).chunk(2, dim=2)
        gate = self.gate_norm(gate) * inside
        gate = self.weight[:frames, :frames] @ gate + self.bias[:frames, None]
        return x + self.down(kept * gate)
