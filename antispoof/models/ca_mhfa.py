"""Context-aware multi-head factorised attentive pooling (CA-MHFA, Peng et al., ICASSP 2025).

As MHFA, but the heads form G groups, and each group's attention logits see a context of frames:

    A = softmax over t of conv(K)    (T, G), kernel heads / G + 1 frames of C numbers, no bias
    o_g = sum_t A_tg V_t             (G, C) -> Linear(G C, O)

Parameters of the pooling: 2L + 2(DC + C) + G (heads / G + 1) C + GCO + O. With 64 heads, G 8, L 13,
D 768, O 256 they are 468,506; with G 32, L 25, D 1024 1,323,570. Keys beyond an utterance are zero
for the convolution, as what is beyond the edge of an unpadded one.
"""

import torch
from torch import nn

from ..errors import UserError
from ..layers.classifier import make_classifier
from ..torch_utils.masks import frame_mask
from .back_end import BackEnd
from .checks import check_features


class CAMHFA(BackEnd):
    """Args: layers: L; dim: D; heads, groups: heads / groups is the context, an even number of
    frames; compression: C; embedding: O; classifier: linear or ff.
    """

    shaped_by = ("layers", "dim")
    last_layer = "classifier"

    def __init__(
        self,
        layers: int = 1,
        dim: int = 768,
        heads: int = 64,
        groups: int = 8,
        compression: int = 128,
        embedding: int = 256,
        classifier: str = "linear",
    ) -> None:
        super().__init__()
        context = heads // groups
        if heads % groups or not context or context % 2:
            raise UserError(
                f"config: model_conf.heads {heads} and groups {groups}: wanted heads that are an "
                "even multiple of groups, the frames of context"
            )
        self.layers, self.dim = layers, dim
        self.key_weights = nn.Parameter(torch.zeros(layers))
        self.value_weights = nn.Parameter(torch.zeros(layers))
        self.key = nn.Linear(dim, compression)
        self.value = nn.Linear(dim, compression)
        self.attention = nn.Conv1d(
            compression, groups, context + 1, padding=context // 2, bias=False
        )
        self.project = nn.Linear(groups * compression, embedding)
        self.classifier = make_classifier(classifier, embedding)

    def embed(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, L, T, D), (B,) -> (B, O)."""
        inside = frame_mask(lengths, x.shape[2])[:, None]  # (B, 1, T)
        key = self.key(torch.einsum("l,bltd->btd", self.key_weights.softmax(0), x))
        value = self.value(torch.einsum("l,bltd->btd", self.value_weights.softmax(0), x))
        logits = self.attention(key.transpose(1, 2) * inside)  # (B, G, T)
        weights = logits.masked_fill(inside == 0, float("-inf")).softmax(2)
        return self.project(torch.einsum("bgt,btc->bgc", weights, value).flatten(1))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, self.layers, self.dim)
        return self.classifier(self.embed(x, lengths))
