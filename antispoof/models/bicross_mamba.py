"""BiCrossMamba-ST (arXiv 2505.13930, Interspeech 2025): AASIST's image, read by Mamba.

Linear to 128 numbers, absolute values, max-pool 3 x 3, BN, SELU; the residual encoder of AASIST;
BN, SELU. A map a = softmax over rows and frames (conv 1 x 1 (BN(SELU(conv 3 x 3)))) weights the
image: its sum over time is a sequence of rows, its sum over rows a sequence of frames. Each goes
through three layers of

    n = RMSNorm x;  f = RMSNorm(Mamba(n) + n);  b = RMSNorm(Mamba(n) + n), of the reverse, reversed
    x = W [f, b] + b'

then asks the other by attention of one head: x = LN(x + A(x, other)), RMSNorm, and a mean weighted
by attention. Both means are joined, and one linear layer gives the logits.

687,945 parameters besides the first linear layer and the last. The paper's front end and training
are not known here: the input is a layer of a self-supervised model. Nor is it known whether the
residual around a Mamba is n, as it is here, or x before its norm; both have the same parameters.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.lengths import by_length
from ..layers.mamba import Mamba, RMSNorm
from ..layers.pooling import AttentionPool
from ..layers.residual import ResidualEncoder
from ..torch_utils.onednn import FastLinear
from .back_end import BackEnd
from .checks import check_features

WIDTH = 128  # of the projection
POOL = 3
CHANNELS = 64


class BiCrossMamba(BackEnd):
    """Reads one layer (B, 1, T, D), T >= 3. Args: dim: D; depth: layers of each sequence."""

    shaped_by = ("dim",)
    last_layer = "output"

    def __init__(self, dim: int = 1024, depth: int = 3) -> None:
        super().__init__()
        self.dim = dim
        self.project = FastLinear(dim, WIDTH)
        self.norm_in, self.norm_out = nn.BatchNorm2d(1), nn.BatchNorm2d(CHANNELS)
        self.encoder = ResidualEncoder((1, 32, 32, *[CHANNELS] * 4))
        self.map, self.map_norm = nn.Conv2d(CHANNELS, 1, 3, padding=1), nn.BatchNorm2d(1)
        self.map_out = nn.Conv2d(1, 1, 1)
        self.readers = nn.ModuleList(
            nn.Sequential(*(BothWays(CHANNELS) for _ in range(depth))) for _ in range(2)
        )
        self.cross = nn.ModuleList(CrossAttention(CHANNELS) for _ in range(2))
        self.norms = nn.ModuleList(RMSNorm(CHANNELS) for _ in range(2))
        self.pools = nn.ModuleList(AttentionPool(CHANNELS) for _ in range(2))
        self.output = nn.Linear(2 * CHANNELS, 2)

    def sequences(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, D) -> rows (B, 42, 64) and frames (B, T // 3, 64)."""
        x = F.max_pool2d(self.project(x)[:, None].abs(), POOL).transpose(2, 3)
        x = self.encoder(F.selu(self.norm_in(x)))
        x = F.selu(self.norm_out(x))  # (B, 64, 42, T // 3)
        scores = self.map_out(self.map_norm(F.selu(self.map(x))))
        x = x * scores.flatten(1).softmax(1).view_as(scores)
        return x.sum(3).transpose(1, 2), x.sum(2).transpose(1, 2)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D), all frames valid -> (B, 128)."""
        both = self.sequences(x)
        rows, frames = (reader(one) for reader, one in zip(self.readers, both, strict=True))
        crossed = self.cross[0](rows, frames), self.cross[1](frames, rows)
        pooled = []
        for norm, pool, one in zip(self.norms, self.pools, crossed, strict=True):
            count = torch.as_tensor(one.shape[1], device=one.device).expand(one.shape[0])
            pooled.append(pool(norm(one), count))
        return torch.cat(pooled, 1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim, POOL)
        return self.output(by_length(self.embed, x[:, 0], lengths, 1, self.training))


class BothWays(nn.Module):
    """(B, N, dim) -> the same; 73,728 parameters with dim 64."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm_in = RMSNorm(dim)
        self.mambas = nn.ModuleList(Mamba(dim) for _ in range(2))
        self.norms = nn.ModuleList(RMSNorm(dim) for _ in range(2))
        self.join = FastLinear(2 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm_in(x)
        found = []
        for mamba, norm, one in zip(self.mambas, self.norms, (x, x.flip(1)), strict=True):
            found.append(norm(mamba(one) + one))
        return self.join(torch.cat([found[0], found[1].flip(1)], 2))


class CrossAttention(nn.Module):
    """x (B, N, dim), other (B, M, dim) -> LN(x + attention of x to the other), one head."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.leave, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        query, key = self.query(x) * x.shape[2] ** -0.5, self.key(other)
        weights = (query @ key.transpose(1, 2)).softmax(2)
        return self.norm(x + self.leave(weights @ self.value(other)))
