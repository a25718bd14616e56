"""AASIST on the states of a self-supervised model (Tak et al., Odyssey 2022; SSL_Anti-spoofing).

    x (T, D) -> Linear(D, 128) -> max of 3 x 3 -> an image of 42 x T/3 -> BN, SELU -> residual
    encoder 1-32-32-64-64-64-64 -> BN, SELU -> an attention map -> over time a node for each of the
    42 rows, over rows a node for each of the T/3 columns -> graph attention -> 160 numbers

Parameters at D 1024: 447,242 with two logits of its own (`embedding: 0`), 611,784 with an embedding
of 1024 and without the classifier on it. Two of the 128 numbers of a frame, and up to two frames at
the end, fall to the pooling.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.attention_map import AttentionMap
from ..layers.classifier import make_classifier
from ..layers.graph import GraphReadout
from ..layers.lengths import by_length, one_by_one
from ..layers.residual import ResidualEncoder
from ..torch_utils.onednn import FastLinear
from .back_end import BackEnd
from .checks import check_features

WIDTH = 128  # of the projection; an image has WIDTH // 3 rows
POOL = 3


class SslAasist(BackEnd):
    """One cached layer (B, 1, T, D), T >= 3, -> logits (B, 2).

    Args: dim: D; embedding: its size, or 0: the last layer gives the logits; classifier: on the
        embedding, see make_classifier; k: share of nodes that each pool keeps, or a pair (in
        training, in evaluation); temperatures: of the spectral, the temporal and the two stacking
        layers; dropouts: of the branches, the output; scorer, aggregation: see graph.py.
    """

    shaped_by = ("dim",)

    def __init__(
        self,
        dim: int = 1024,
        embedding: int = 0,
        classifier: str = "linear",
        k: float | Sequence[float] = 0.5,
        temperatures: Sequence[float] = (2.0, 2.0, 100.0, 100.0),
        dropouts: Sequence[float] = (0.2, 0.5),
        scorer: str = "learned",
        aggregation: str = "attention",
    ) -> None:
        super().__init__()
        ks = k if isinstance(k, (list, tuple)) else (k, k)
        self.dim, self.shortest = dim, POOL
        self.project = FastLinear(dim, WIDTH)
        self.norm_in = nn.BatchNorm2d(1)
        self.encoder = ResidualEncoder((1, 32, 32, 64, 64, 64, 64))
        self.norm_out = nn.BatchNorm2d(64)
        self.attention = AttentionMap(64)
        self.graph = GraphReadout(
            WIDTH // POOL, 64, 32, [ks] * 3, temperatures, dropouts, scorer, aggregation
        )
        self.out = nn.Linear(5 * 32, embedding or 2)
        self.classifier = make_classifier(classifier, embedding) if embedding else None
        self.last_layer = "classifier" if embedding else "out"

    def image(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) -> (B, 64, 42, T // 3)."""
        x = F.max_pool2d(self.project(x)[:, None], POOL).transpose(2, 3)  # (B, 1, 42, T // 3)
        x = self.encoder(F.selu(self.norm_in(x)))
        return F.selu(self.norm_out(x), inplace=True)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D), all frames valid -> (B, embedding), or logits."""
        image = self.image(x)
        nodes = self.attention(image) if self.training else one_by_one(self.attention, image)
        return self.out(self.graph(*nodes))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, 1, self.dim, self.shortest)
        found = by_length(self.embed, x[:, 0], lengths, 1, self.training)
        return found if self.classifier is None else self.classifier(found)
