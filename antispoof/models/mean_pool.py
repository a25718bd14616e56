"""Mean over layers and time, then the classifier: the back end without a parameter.

Source: one of the compared back ends of SpAArSIST (arXiv 2606.11674).
"""

import torch

from ..layers.classifier import make_classifier
from ..torch_utils.masks import frame_mask, masked_mean
from .back_end import BackEnd
from .checks import check_features


class MeanPool(BackEnd):
    """Args: layers: L of the input; dim: D of each; classifier: linear or ff."""

    shaped_by = ("layers", "dim")
    last_layer = "classifier"

    def __init__(self, layers: int = 24, dim: int = 1024, classifier: str = "linear") -> None:
        super().__init__()
        self.layers, self.dim = layers, dim
        self.classifier = make_classifier(classifier, dim)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, self.layers, self.dim)
        mean = x.mean(1).transpose(1, 2)  # (B, D, T)
        return self.classifier(masked_mean(mean, frame_mask(lengths, x.shape[2])))
