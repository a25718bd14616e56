"""The last layer of a model with a logit for each of several sources, for source tracing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..errors import UserError
from ..models.back_end import BackEnd
from ..ssl.finetuned import FineTuned
from .cosine import last_linear


def use_sources(model: BackEnd, count: int) -> BackEnd:
    """Replace the layer of `model` that gives the logits. Raises UserError where it cannot be."""
    found = last_linear(model)
    if not found or found[1].out_features != 2:
        raise UserError(
            f"config: {type(model).__name__} does not end in a linear layer of two logits, which "
            "'trace' widens to one for each source; use another model"
        )
    name, last = found
    parent, _, own = name.rpartition(".")
    bias = last.bias is not None
    setattr(model.get_submodule(parent), own, nn.Linear(last.in_features, count, bias=bias))
    return model


@contextmanager
def showing_embeddings(model: nn.Module) -> Iterator[tuple[int, int]]:
    """While this is open, the model of `use_sources` gives (B, K + D): logits, then embeddings.

    An embedding is what the last layer reads. It takes the way of the logits: a model may go
    through a batch in parts, and in another order. Yields K and D.
    """
    back_end: Any = model.back_end if isinstance(model, FineTuned) else model
    found = last_linear(back_end)
    assert found is not None
    name, last = found
    parent, _, own = name.rpartition(".")
    setattr(back_end.get_submodule(parent), own, Shown(last))
    try:
        yield last.out_features, last.in_features
    finally:
        setattr(back_end.get_submodule(parent), own, last)


class Shown(nn.Module):
    """A layer that gives what it reads behind what it makes of it."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.layer(x), x], 1)
