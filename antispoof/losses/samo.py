"""The last layer of SAMO: the cosine with attractors of the speakers of the training set.

Source: S. Ding, Y. Zhang, Z. Duan, "SAMO: Speaker Attractor Multi-Center One-Class Learning",
ICASSP 2023. An attractor is the mean of a speaker's bona fide embeddings, one-hot at first. The
score is the scale times the cosine with the nearest one; in training, that of a bona fide
utterance is with the attractor of its own speaker. Target speakers are not enrolled here. The
embeddings are those that an epoch trains on, in training mode, and not of a pass of their own.

A layer may have more attractors than the training set has speakers. The spare ones have no part in
the maximum.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.functional import normalize

from ..models.back_end import BackEnd
from .cosine import layer_of_logits


class Adds(Protocol):
    """Processes that learn together."""

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over processes."""


class Attractors(nn.Module):
    """Embeddings (B, D) -> logits whose difference is the score.

    Args: dim: D; columns: 2, or 1 where the model adds the zero logit of spoof itself; speakers:
    how many attractors; scale. `owners` (B,) are the speakers of the next batch in training, -1
    for spoof and for what does not count; None where they are not known.
    """

    attractors: torch.Tensor
    known: torch.Tensor  # (speakers,) bool: those that a speaker of the training set has
    sums: torch.Tensor
    counts: torch.Tensor

    def __init__(self, dim: int, columns: int, speakers: int, scale: float) -> None:
        super().__init__()
        self.columns, self.scale = columns, scale
        self.owners: torch.Tensor | None = None
        self.register_buffer("attractors", first_attractors(speakers, dim))
        self.register_buffer("known", torch.ones(speakers, dtype=torch.bool))
        # of this epoch so far; nothing at its end, so that no file holds them
        self.register_buffer("sums", torch.zeros(speakers, dim), persistent=False)
        self.register_buffer("counts", torch.zeros(speakers), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cosines = normalize(x, dim=1) @ normalize(self.attractors, dim=1).T
        score = cosines.masked_fill(~self.known, -torch.inf).amax(1)
        if self.training and self.owners is not None:
            owners, self.owners = self.owners.to(x.device), None
            own = cosines.gather(1, owners.clamp(min=0)[:, None])[:, 0]
            score = torch.where(owners >= 0, own, score)
            self._remember(x.detach(), owners)
        score = self.scale * score[:, None]
        return score if self.columns == 1 else torch.cat([torch.zeros_like(score), score], 1)

    def know(self, owners: torch.Tensor) -> None:
        """Keep the attractors of these speakers alone; owners: of a training set, -1 for none."""
        self.known.zero_()
        self.known[owners[owners >= 0].unique().to(self.known.device)] = True

    def _load_from_state_dict(self, state_dict, prefix, *others):  # type: ignore[override]
        found = state_dict.get(f"{prefix}attractors")
        if f"{prefix}known" not in state_dict and isinstance(found, torch.Tensor):
            state_dict[f"{prefix}known"] = _renewed(found)  # of an earlier version
        super()._load_from_state_dict(state_dict, prefix, *others)

    def _remember(self, x, owners):
        known = owners >= 0
        self.sums.index_add_(0, owners[known], x[known].to(self.sums.dtype))
        self.counts.index_add_(0, owners[known], torch.ones_like(self.counts[owners[known]]))

    @torch.no_grad()
    def end_epoch(self, renew: bool, team: Adds) -> None:
        """Take the means of this epoch's embeddings, where `renew`, and forget them."""
        sums, counts = team.all_reduce(self.sums.clone()), team.all_reduce(self.counts.clone())
        if renew:
            seen = counts > 0
            self.attractors[seen] = sums[seen] / counts[seen, None]
        self.sums.zero_()
        self.counts.zero_()


def first_attractors(speakers: int, dim: int) -> torch.Tensor:
    """(speakers, dim): one-hot, in turn."""
    return torch.eye(dim).repeat(-(-speakers // dim), 1)[:speakers]


def _renewed(attractors):
    """Which attractors are no longer the first ones; all of them where none was renewed."""
    first = first_attractors(*attractors.shape).to(attractors)
    changed = (attractors != first).any(1)
    return changed if changed.any() else torch.ones_like(changed)


def without_attractors(model: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """`weights` for `model`, whose attractors stay: those of other speakers say nothing of its own.

    Other weights than those of a model with attractors come back as they are.
    """
    own = {
        f"{name}.{part}": value
        for name, module in model.named_modules()
        if isinstance(module, Attractors)
        for part, value in module.state_dict().items()
    }
    taken = own if own.keys() & weights.keys() else {}
    return {**weights, **taken}


def use_attractors(model: BackEnd, speakers: int, scale: float) -> BackEnd:
    """Replace the layer of `model` that gives the logits. Raises UserError where there is none."""
    parent, own, last = layer_of_logits(model)
    output = Attractors(last.in_features, last.out_features, speakers, scale)
    setattr(model.get_submodule(parent), own, output)
    return model


def attractors_of(model: nn.Module) -> Attractors | None:
    """The last layer of SAMO in a model; None of another."""
    return next((m for m in model.modules() if isinstance(m, Attractors)), None)
