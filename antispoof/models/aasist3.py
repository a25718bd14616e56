"""AASIST3 (Borodin et al., arXiv 2408.17352): AASIST on a self-supervised model, of KAN layers.

A KAN to 128 numbers, absolute values, max-pool 3 x 3, BN, SELU, the residual encoder of AASIST. The
nodes of rows and frames are maxima of absolute values, with a learnt table added to each, which
fixes how many frames there are. Graph attention and pools follow as in graph.py, with a KAN in
place of each linear layer and without SELU in the stacking layers; four branches in place of two,
of which the maximum is taken; and a KAN for the logits.

6,183,188 parameters with D 1024 and 201 frames. Written from the definition alone. The published
system reads XLSR-53 of a pre-emphasised waveform; temperatures are those of AASIST.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import UserError
from ..layers.graph import Branch, GraphAttention, GraphPool, StackingAttention
from ..layers.kan import Kan
from ..layers.residual import ResidualEncoder
from ..torch_utils.tracing import is_traceable
from .back_end import BackEnd
from .checks import check_features

WIDTH, POOL, NODE, OUT = 128, 3, 64, 32
TEMPERATURES = (2.0, 2.0, 100.0, 100.0)
BRANCHES = 4


class Aasist3(BackEnd):
    """Reads one layer (B, 1, T, D) of one length.

    Args: dim: D; frames: T that the table is made for, and up to two more; dropouts: of the
    branches and of the output.
    """

    shaped_by = ("dim",)
    last_layer = None  # splines, not a linear layer

    def __init__(
        self, dim: int = 1024, frames: int = 201, dropouts: tuple[float, float] = (0.2, 0.5)
    ) -> None:
        super().__init__()
        if frames < POOL:
            raise UserError(f"config: model_conf.frames is {frames}, wanted {POOL} or more")
        self.dim, self.spans = dim, frames // POOL
        self.project = Kan(dim, WIDTH)
        self.norm_in = nn.BatchNorm2d(1)
        self.encoder = ResidualEncoder((1, 32, 32, *[NODE] * 4))
        self.rows = nn.Parameter(torch.randn(1, WIDTH // POOL, NODE))
        self.times = nn.Parameter(torch.randn(1, self.spans, NODE))
        self.spectral = KanAttention(NODE, NODE, TEMPERATURES[0])
        self.temporal = KanAttention(NODE, NODE, TEMPERATURES[1])
        self.pool_spectral, self.pool_temporal = _pool(NODE, 0.5), _pool(NODE, 0.7)
        self.branches = nn.ModuleList(_branch(dropouts[0]) for _ in range(BRANCHES))
        self.dropout = nn.Dropout(dropouts[1])
        self.output = Kan(5 * OUT, 2)

    @classmethod
    def takes_one_length(cls, conf: dict[str, Any]) -> bool:
        return True

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim)
        least = POOL * self.spans
        if not is_traceable():
            wrong = [n for n in lengths.tolist() if not least <= n <= least + 2]
            if wrong:
                raise UserError(
                    f"aasist3: found {wrong[0]} frames, it needs {least} to {least + 2}; "
                    "model_conf.frames decides it, and crop.seconds and crop.pad what there is"
                )
        x = x[:, 0, :least]  # whole spans: what is behind them the pool would leave out
        x = F.max_pool2d(self.project(x)[:, None].abs(), POOL).transpose(2, 3)
        x = self.encoder(F.selu(self.norm_in(x))).abs()  # (B, 64, 42, T // 3)
        rows, times = (x.amax(axis).transpose(1, 2) for axis in (3, 2))
        spectral = self.pool_spectral(self.spectral(rows + self.rows))
        temporal = self.pool_temporal(self.temporal(times + self.times))
        found = zip(*(branch(temporal, spectral) for branch in self.branches), strict=True)
        temporal, spectral, master = (torch.stack(nodes).amax(0) for nodes in found)
        parts = [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1)]
        parts += [spectral.mean(1), master[:, 0]]
        return self.output(self.dropout(torch.cat(parts, 1)))


class KanAttention(GraphAttention):
    """Nodes (B, N, dim) -> (B, N, out)."""

    def __init__(self, dim: int, out: int, temperature: float) -> None:
        super().__init__(dim, out, temperature)
        _bend(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(x)
        scores = torch.tanh(self.pair(_pairs(x))) @ self.score
        weights = (scores[..., 0] / self.temperature).softmax(2)
        return F.selu(_normed(self.norm, self.attended(weights @ x) + self.own(x)))


class KanStacking(StackingAttention):
    """Nodes (B, N, dim), (B, M, dim) and master (B or 1, 1, dim) -> the same, of `out`."""

    def __init__(self, dim: int, out: int, temperature: float) -> None:
        super().__init__(dim, out, temperature)
        _bend(self)

    def forward(
        self, x1: torch.Tensor, x2: torch.Tensor, master: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        first = x1.shape[1]
        x = self.dropout(torch.cat([self.type1(x1), self.type2(x2)], 1))
        weights, gathered = self.weights(x, first), self.gather(x, master)
        master = self.attended_master(gathered) + self.own_master(master)
        x = _normed(self.norm, self.attended(weights @ x) + self.own(x))
        return x[:, :first], x[:, first:], master

    def weights(self, x: torch.Tensor, first: int) -> torch.Tensor:
        """Nodes (B, N, dim), of which `first` are of the first kind -> a (B, N, N)."""
        vectors = torch.cat([self.score11, self.score22, self.score12], 1)
        scores = torch.tanh(self.pair(_pairs(x))) @ vectors  # (B, N, N, 3)
        second = torch.arange(x.shape[1], device=x.device) >= first
        mixed = second[:, None] != second[None]
        same = torch.where(second[:, None], scores[..., 1], scores[..., 0])
        return (torch.where(mixed, scores[..., 2], same) / self.temperature).softmax(2)


def _pairs(x):
    """(B, N, D) -> (B, N, N, D)."""
    return x[:, :, None] * x[:, None]


def _normed(norm, x):
    return norm(x.flatten(0, 1)).view_as(x)  # one batch norm over all nodes


def _bend(module):
    """A KAN in place of each linear layer of `module`."""
    for name, layer in list(module.named_children()):
        if isinstance(layer, nn.Linear):
            setattr(module, name, Kan(layer.in_features, layer.out_features))


def _pool(dim, share):
    pool = GraphPool(dim, (share, share))
    _bend(pool)
    return pool


def _branch(dropout):
    branch = Branch(NODE, OUT, TEMPERATURES[2:], (0.5, 0.5), "learned", "attention", dropout)
    branch.first = KanStacking(NODE, OUT, TEMPERATURES[2])
    branch.second = KanStacking(OUT, OUT, TEMPERATURES[3])
    for name in ("pool_spectral", "pool_temporal"):
        setattr(branch, name, _pool(OUT, 0.5))
    return branch
