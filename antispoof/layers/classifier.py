"""What turns an embedding into the two logits; counted apart from the back end."""

import torch
from torch import nn

from ..config import one_of
from ..errors import UserError


def make_classifier(kind: str, dim: int) -> nn.Module:
    """A module (B, dim) -> (B, 2).

    linear: one layer. ff: dim-512-256-2 with batch norm and ReLU between, 658,178 parameters at dim
    1024 (SpAArSIST, arXiv 2606.11674). Raises UserError for another kind.
    """
    one_of("config", "model_conf.classifier", kind, ("linear", "ff"))
    if kind == "linear":
        return nn.Linear(dim, 2)
    return FeedForward(
        *(nn.Linear(dim, 512), nn.BatchNorm1d(512), nn.ReLU()),
        *(nn.Linear(512, 256), nn.BatchNorm1d(256), nn.ReLU()),
        nn.Linear(256, 2),
    )


class FeedForward(nn.Sequential):
    """Layers with batch norm over utterances, of which training needs two."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) == 1:
            raise UserError(
                "found a batch of one utterance in training, the batch norm of 'classifier: ff' "
                "needs two or more; choose a batch_size that leaves no single one over"
            )
        return super().forward(x)
