"""The last layer of a model as cosines, for losses with a margin on the hypersphere."""

import torch
from torch import nn
from torch.nn.functional import normalize

from ..errors import UserError
from ..models.back_end import BackEnd, FrameBackEnd


class CosineOutput(nn.Module):
    """Embeddings (B, D) -> logits whose difference is the score.

    directions 2: the score is scale x (cosine with bona fide - cosine with spoof); 1: scale x the
    cosine with bona fide. `columns` is how many the layer that this replaces had: 2, or 1 where
    the model adds the zero logit of spoof itself. both: the logits are the cosines, times scale.
    """

    def __init__(
        self, dim: int, columns: int, directions: int, scale: float, both: bool = False
    ) -> None:
        super().__init__()
        self.columns, self.scale, self.both = columns, scale, both
        self.directions = nn.Parameter(torch.randn(directions, dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cosines = self.scale * normalize(x, dim=1) @ normalize(self.directions, dim=1).T
        if self.both:
            return cosines
        score = cosines[:, -1:] - cosines[:, :1] if cosines.shape[1] == 2 else cosines
        return score if self.columns == 1 else torch.cat([torch.zeros_like(score), score], 1)


def last_linear(model: BackEnd) -> tuple[str, nn.Linear] | None:
    """The name and the layer of the logits, or None where no linear layer gives them."""
    place = model.last_layer
    inside = model.get_submodule(place).named_modules(prefix=place) if place else ()
    linear = [(name, module) for name, module in inside if isinstance(module, nn.Linear)]
    return linear[-1] if linear else None


def use_cosines(model: BackEnd, directions: int, scale: float, both: bool = False) -> BackEnd:
    """Replace the layer of `model` that gives the logits. Raises UserError where there is none."""
    parent, own, last = layer_of_logits(model)
    if both and last.out_features != 2:
        raise UserError(
            f"config: {type(model).__name__} gives one logit, and 'loss: aam_softmax' and "
            "'p2sgrad' want two; use am_softmax, oc_softmax or another loss"
        )
    output = CosineOutput(last.in_features, last.out_features, directions, scale, both)
    setattr(model.get_submodule(parent), own, output)
    return model


def layer_of_logits(model: BackEnd) -> tuple[str, str, nn.Linear]:
    """The layer that gives the logits: the module it is in, its name there, and itself.

    Raises UserError where there is none.
    """
    found = last_linear(model)
    if not found or found[1].out_features > 2:
        frames = isinstance(model, FrameBackEnd)
        why = "gives logits of frames too" if frames else "does not end in a linear layer"
        raise UserError(
            f"config: {type(model).__name__} {why}; am_softmax, oc_softmax, aam_softmax, p2sgrad "
            "and samo put cosines in the place of one last layer; use another loss"
        )
    name, last = found
    parent, _, own = name.rpartition(".")
    return parent, own, last
