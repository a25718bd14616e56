"""Multi-head factorised attentive pooling (Peng et al., SLT 2022), as a countermeasure back end.

    k = sum_l softmax(a)_l h_l    v = sum_l softmax(b)_l h_l     over the L layers h_l (T, D)
    K = k W_k, V = v W_v          (T, C)
    A = softmax over t of K W_a   (T, H)
    o_h = sum_t A_th V_t          (H, C) -> Linear(H C, O) -> ReLU -> Linear(O, 2)

Parameters of the pooling: 2L + 2(DC + C) + CH + H + HCO + O. With L 24, D 1024, H 32, C 128, O 1024
they are 4,461,904. The classifier `ff` takes the embedding as it is, without the ReLU.
"""

import torch
from torch import nn

from ..layers.classifier import make_classifier
from ..torch_utils.masks import valid_mask
from .back_end import BackEnd
from .checks import check_features


class MHFA(BackEnd):
    """MHFA over layers (B, L, T, D), then a classifier.

    Args: layers: L, the number of layers given; dim: D of each; heads: H; compression: C;
        embedding: O; dropout: before the classifier; classifier: linear or ff.
    """

    shaped_by = ("layers", "dim")
    last_layer = "classifier"

    def __init__(
        self,
        layers: int = 1,
        dim: int = 1024,
        heads: int = 32,
        compression: int = 128,
        embedding: int = 256,
        dropout: float = 0.0,
        classifier: str = "linear",
    ) -> None:
        super().__init__()
        self.layers, self.dim = layers, dim
        self.key_weights = nn.Parameter(torch.zeros(layers))
        self.value_weights = nn.Parameter(torch.zeros(layers))
        self.key = nn.Linear(dim, compression)
        self.value = nn.Linear(dim, compression)
        self.attention = nn.Linear(compression, heads)
        self.project = nn.Linear(heads * compression, embedding)
        before = [nn.ReLU()] if classifier == "linear" else []
        self.classifier = nn.Sequential(
            *before, nn.Dropout(dropout), make_classifier(classifier, embedding)
        )

    def embed(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, L, T, D), (B,) -> (B, O)."""
        weights = torch.stack([self.key_weights.softmax(0), self.value_weights.softmax(0)])
        # both sums in one product, which reads the layers once: they are large
        mixed = weights.expand(len(x), -1, -1) @ x.flatten(2)  # (B, 2, T D)
        key, value = mixed.unflatten(2, x.shape[2:]).unbind(1)
        key, value = self.key(key), self.value(value)
        padded = ~valid_mask(lengths, x.shape[2])[:, :, None]
        weights = self.attention(key).masked_fill(padded, float("-inf")).softmax(1)  # (B, T, H)
        pooled = torch.einsum("bth,btc->bhc", weights, value)
        return self.project(pooled.flatten(1))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, self.layers, self.dim)
        return self.classifier(self.embed(x, lengths))
