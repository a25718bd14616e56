"""Mel-ViT: a transformer over patches of the mel image of Mel-CNN.

Patches of 16 mel rows by 16 frames of (mel, delta), eight to a column, 152 of 3 s; each a Linear to
`dim`, with a learnt vector for its row and sines for its time, so that any length can be read. Then
`depth` pre-norm layers (Dosovitskiy et al., ICLR 2021), a LayerNorm, the mean over the patches that
hold speech, dropout and one logit.

Bigford (2026) says only "over 40 M parameters". Depth 6 with the width of ViT-Base, 768, has
42,929,665.
"""

import torch
from torch import nn
from torch.nn import functional

from ..errors import UserError
from ..features.mel import MelFrontEnd
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_waves

PATCH = 16  # rows and frames


class MelViT(BackEnd):
    """Reads waveforms (B, S). Args: dim; depth: layers; heads: of dim / heads each; dropout."""

    reads = "waveform"
    last_layer = "head"

    def __init__(
        self, dim: int = 768, depth: int = 6, heads: int = 12, dropout: float = 0.3
    ) -> None:
        super().__init__()
        if dim % heads or dim % 2:
            raise UserError(
                f"config: model_conf.dim is {dim}, wanted an even multiple of heads, {heads}"
            )
        self.front_end = MelFrontEnd()
        self.patch = nn.Conv2d(2, dim, PATCH, PATCH)
        self.row = nn.Parameter(0.02 * torch.randn(self.front_end.mel.n_mels // PATCH, 1, dim))
        self.layers = nn.ModuleList(Layer(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, 1))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_waves(x, lengths)
        image, lengths = self.front_end(x, lengths)
        lengths = (lengths + PATCH - 1) // PATCH  # a patch that holds a frame is read, with zeros
        patches = self.patch(functional.pad(image, (0, -image.shape[3] % PATCH)))
        rows, columns = patches.shape[2:]
        mask = frame_mask(lengths, columns).repeat(1, rows)  # (B, N)
        tokens = patches.permute(0, 2, 3, 1) + self.row + sines(columns, self.patch.weight)
        tokens = tokens.flatten(1, 2)  # (B, N, dim)
        for layer in self.layers:
            tokens = layer(tokens, mask.bool()[:, None, None])
        logit = self.head(masked_mean(self.norm(tokens).transpose(1, 2), mask))
        return torch.cat([torch.zeros_like(logit), logit], 1)


class Layer(nn.Module):
    """Attention and four times as wide a GELU network, each on what is normed and added to."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.queries_keys_values, self.join = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.network = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """tokens (B, N, dim); mask (B, 1, 1, N): which may be attended to."""
        split = self.queries_keys_values(self.attention_norm(tokens)).chunk(3, 2)
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in split)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        tokens = tokens + self.join(seen.transpose(1, 2).flatten(2))
        return tokens + self.network(self.norm(tokens))


def sines(count: int, like: torch.Tensor) -> torch.Tensor:
    """(count, dim) positions as in Vaswani et al. 2017, of the type and device of `like`."""
    dim = len(like)
    rates = 10000 ** (-torch.arange(0, dim, 2, device=like.device) / dim)
    angles = torch.arange(count, device=like.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1).to(like.dtype)
