"""What an upstream that can learn is made of, under one set of names."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import nn

from . import conventions
from .encoder import Encoder


class Parts(Protocol):
    """The parts of an upstream of transformer layers; what is none of them never learns."""

    layers: nn.ModuleList  # called with x, and giving a tuple that begins with x
    dim: int  # of a hidden state
    convolutions: nn.Module
    below: list[nn.Module]  # the rest of what every layer rests on
    final_norm: nn.Module | None  # that the output of the last layer alone goes through
    frame_count: Callable[[int], int]  # samples -> frames

    def scale_gradient(self, multiplier: float) -> None:
        """Multiply the gradient that reaches the convolutions; 0 where they are frozen."""

    def use_dropout(self) -> None:
        """Training mode for the dropouts that are no part of a layer."""


def parts_of(upstream: nn.Module) -> Parts | None:
    """The parts of an upstream; None of one that cannot learn here."""
    if isinstance(upstream, Encoder):
        return _Own(upstream)
    return _Transformer(upstream) if conventions.is_transformer(upstream) else None


class _Transformer:
    """wav2vec 2.0, HuBERT, WavLM and data2vec, as s3prl builds them."""

    def __init__(self, upstream: Any) -> None:
        self.model, encoder = upstream.model, upstream.model.encoder
        self.layers, self.dim = encoder.layers, encoder.embedding_dim
        self.convolutions = self.model.feature_extractor
        self.below: list[nn.Module] = [self.model.layer_norm, encoder.pos_conv]
        if self.model.post_extract_proj is not None:
            self.below.append(self.model.post_extract_proj)
        last = conventions.has_final_norm(upstream)
        self.final_norm: nn.Module | None = encoder.layer_norm if last else None
        if not last:  # it normalises the first input
            self.below.append(encoder.layer_norm)
        self.frame_count: Callable[[int], int] = conventions.frame_count

    def scale_gradient(self, multiplier: float) -> None:
        self.model.feature_grad_mult = multiplier

    def use_dropout(self) -> None:
        self.model.dropout_input.train()
        self.model.encoder.training = True


class _Own:
    """Distill-MOS and Whisper's encoder."""

    def __init__(self, upstream: Encoder) -> None:
        self.upstream, self.layers, self.dim = upstream, upstream.layers, upstream.dim
        self.convolutions, self.below = upstream.convolutions, [upstream.projection]
        self.final_norm: nn.Module | None = getattr(upstream, "norm", None)
        self.frame_count = upstream.frame_count

    def scale_gradient(self, multiplier: float) -> None:
        self.upstream.feature_grad_mult = multiplier

    def use_dropout(self) -> None:
        """They have none."""
