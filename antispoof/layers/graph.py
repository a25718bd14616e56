"""Graph attention over the bins and the frames of an image (Jung et al., AASIST, ICASSP 2022).

Graph attention of nodes x_i (Tak et al. 2021), temperature t:

    a_ij = softmax over j of v . tanh(W (x_i * x_j) + b) / t
    y_i = SELU(BN(A sum_j a_ij x_j + O x_i))                 (A and O with biases)

Heterogeneous stacking graph attention: nodes of two kinds, each first through a linear map of its
own; v depends on the two kinds (11, 22, 12). A stack node m, the master, gathers from all:

    c_i = softmax over i of v_m . tanh(W_m (x_i * m) + b_m) / t
    m' = A_m sum_i c_i x_i + O_m m

`aggregation` says what becomes of it (SpAArSIST, see spaarsist.py):

    attention      as above
    released_mean  y = O x, m' = O_m m: the code that was released; no node reaches the master
    node_mean      c_i = 1 / N
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..config import one_of
from ..errors import UserError
from ..torch_utils.tracing import share_of
from .pair_scores import score_matrix

SCORERS = ("learned", "magnitude")
AGGREGATIONS = ("attention", "released_mean", "node_mean")


class GraphAttention(nn.Module):
    """Nodes (B, N, dim) -> (B, N, out)."""

    def __init__(self, dim: int, out: int, temperature: float, dropout: float = 0.2) -> None:
        super().__init__()
        self.pair = nn.Linear(dim, out)
        self.score = _vector(out)
        self.attended, self.own = nn.Linear(dim, out), nn.Linear(dim, out)
        self.norm = nn.BatchNorm1d(out)
        self.dropout, self.temperature = nn.Dropout(dropout), temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(x)
        scores = score_matrix(x, self.pair.weight, self.pair.bias, self.score.t())
        weights = (scores / self.temperature).softmax(2)
        return _activate(self.norm, self.attended(weights @ x) + self.own(x))


class StackingAttention(nn.Module):
    """Nodes (B, N, dim), (B, M, dim) and master (B or 1, 1, dim) -> the same, of `out`.

    What an `aggregation` of AGGREGATIONS does not use it does not have, and drops from a state
    dict, except what the released SpAArSIST counts as parameters.
    """

    def __init__(
        self,
        dim: int,
        out: int,
        temperature: float,
        aggregation: str = "attention",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.aggregation = aggregation
        self.type1, self.type2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.score11, self.score22, self.score12 = _vector(out), _vector(out), _vector(out)
        self.own, self.own_master = nn.Linear(dim, out), nn.Linear(dim, out)
        self.norm = nn.BatchNorm1d(out)
        self.dropout, self.temperature = nn.Dropout(dropout), temperature
        if aggregation != "released_mean":
            self.pair, self.attended = nn.Linear(dim, out), nn.Linear(dim, out)
            self.attended_master = nn.Linear(dim, out)
        if aggregation == "attention":
            self.pair_master = nn.Linear(dim, out)
        if aggregation != "node_mean":
            self.score_master = _vector(out)
        unused = ("pair", "attended", "attended_master", "pair_master", "score_master")
        _drop_from_states(self, [name for name in unused if not hasattr(self, name)])

    def forward(
        self, x1: torch.Tensor, x2: torch.Tensor, master: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        first = x1.shape[1]
        x = torch.cat([self.type1(x1), self.type2(x2)], 1)
        if self.aggregation == "released_mean":
            x, master = self.own(x), self.own_master(master).expand(len(x), -1, -1)
        else:
            x = self.dropout(x)
            weights, gathered = self.weights(x, first), self.gather(x, master)
            master = self.attended_master(gathered) + self.own_master(master)
            x = _activate(self.norm, self.attended(weights @ x) + self.own(x))
        return x[:, :first], x[:, first:], master

    def weights(self, x: torch.Tensor, first: int) -> torch.Tensor:
        """Nodes (B, N, dim), of which `first` are of the first kind -> a (B, N, N)."""
        count, vectors = x.shape[1], torch.cat([self.score11, self.score22, self.score12], 1)
        second = torch.arange(count, device=x.device) >= first
        kind = torch.where(second[:, None] == second[None], second.long()[:, None], 2)
        scores = score_matrix(x, self.pair.weight, self.pair.bias, vectors.t(), kind)
        return (scores / self.temperature).softmax(2)

    def gather(self, x: torch.Tensor, master: torch.Tensor) -> torch.Tensor:
        """sum_i c_i x_i: (B, 1, dim)."""
        if self.aggregation == "node_mean":
            return x.mean(1, keepdim=True)
        scores = torch.tanh(self.pair_master(x * master)) @ self.score_master
        return (scores / self.temperature).softmax(1).transpose(1, 2) @ x


class GraphPool(nn.Module):
    """Keep the max(int(N k), 1) nodes of the highest score: (B, N, dim) -> (B, n, dim).

    scorer: learned, sigmoid(w x + b), by which what is kept is multiplied; or magnitude, |x|^2,
    which only chooses. Dropout is on the nodes that are scored. k: (in training, in evaluation).
    `kept` holds the indices (B, n) of the last call in evaluation.
    """

    def __init__(
        self, dim: int, k: Sequence[float], scorer: str = "learned", dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.k_train, self.k_infer = k
        if not (0 < self.k_train <= 1 and 0 < self.k_infer <= 1):
            raise UserError(f"config: k_train, k_infer {tuple(k)} want more than 0 and at most 1")
        self.scorer = nn.Linear(dim, 1) if scorer == "learned" else None
        self.dropout, self.kept = nn.Dropout(dropout), None
        _drop_from_states(self, ["scorer"] if self.scorer is None else [])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scored = self.dropout(x)
        if self.scorer is None:
            scores = scored.square().sum(2, keepdim=True)
        else:
            scores = self.scorer(scored).sigmoid()
        count = share_of(x.shape[1], self.k_train if self.training else self.k_infer)
        index = scores.topk(count, dim=1).indices
        if not self.training:
            self.kept = index[:, :, 0].detach()
        kept = x.gather(1, index.expand(-1, -1, x.shape[2]))
        return kept if self.scorer is None else kept * scores.gather(1, index)


class Branch(nn.Module):
    """Temporal and spectral nodes -> [temporal, spectral, master], through two stacking layers."""

    def __init__(
        self,
        dim: int,
        out: int,
        temperatures: Sequence[float],
        k: Sequence[float],
        scorer: str,
        aggregation: str,
        dropout: float,
    ) -> None:
        super().__init__()
        self.master = nn.Parameter(torch.randn(1, 1, dim))
        self.first = StackingAttention(dim, out, temperatures[0], aggregation)
        self.pool_spectral, self.pool_temporal = (GraphPool(out, k, scorer) for _ in range(2))
        self.second = StackingAttention(out, out, temperatures[1], aggregation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, temporal: torch.Tensor, spectral: torch.Tensor) -> list[torch.Tensor]:
        temporal, spectral, master = self.first(temporal, spectral, self.master)
        before = (self.pool_temporal(temporal), self.pool_spectral(spectral), master)
        after = self.second(*before)
        return [self.dropout(a + b) for a, b in zip(before, after, strict=True)]


class GraphReadout(nn.Module):
    """Spectral nodes (B, rows, dim) and temporal nodes (B, T, dim) -> (B, 5 out).

    Args: rows: spectral nodes; dim, out: widths; ratios: of the spectral pool, the temporal pool
        and those in the branches, each a pair k of GraphPool; temperatures: spectral, temporal, and
        the two stacking layers; dropouts: of the branches and of the output; scorer, aggregation.
    """

    def __init__(
        self,
        rows: int,
        dim: int,
        out: int,
        ratios: Sequence[Sequence[float]],
        temperatures: Sequence[float] = (2, 2, 100, 100),
        dropouts: Sequence[float] = (0.2, 0.5),
        scorer: str = "learned",
        aggregation: str = "attention",
    ) -> None:
        super().__init__()
        one_of("config", "model_conf.scorer", scorer, SCORERS)
        one_of("config", "model_conf.aggregation", aggregation, AGGREGATIONS)
        if len(temperatures) != 4 or not min(temperatures) > 0:
            raise UserError(f"config: model_conf.temperatures is {temperatures}, wanted four > 0")
        self.position = nn.Parameter(torch.randn(1, rows, dim))
        self.spectral = GraphAttention(dim, dim, temperatures[0])
        self.temporal = GraphAttention(dim, dim, temperatures[1])
        self.pool_spectral = GraphPool(dim, ratios[0], scorer)
        self.pool_temporal = GraphPool(dim, ratios[1], scorer)
        rest = (temperatures[2:], ratios[2], scorer, aggregation, dropouts[0])
        self.branches = nn.ModuleList(Branch(dim, out, *rest) for _ in range(2))
        self.dropout = nn.Dropout(dropouts[1])

    def forward(self, spectral: torch.Tensor, temporal: torch.Tensor) -> torch.Tensor:
        spectral = self.pool_spectral(self.spectral(spectral + self.position))
        temporal = self.pool_temporal(self.temporal(temporal))
        both = [branch(temporal, spectral) for branch in self.branches]
        temporal, spectral, master = (torch.maximum(a, b) for a, b in zip(*both, strict=True))
        parts = [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1)]
        return self.dropout(torch.cat([*parts, spectral.mean(1), master[:, 0]], 1))


def _vector(size):
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(size, 1)))


def _activate(norm, x):
    return F.selu(norm(x.flatten(0, 1))).view_as(x)  # one batch norm over all nodes


def _drop_from_states(module, names):
    """Let `module` load a state that holds more, namely what is called `names` or is below."""

    def drop(_, state, prefix, *_others):
        wanted = tuple(f"{prefix}{name}." for name in names)
        exact = {f"{prefix}{name}" for name in names}
        for key in [key for key in state if key in exact or key.startswith(wanted or "\0")]:
            del state[key]

    module.register_load_state_dict_pre_hook(drop)
