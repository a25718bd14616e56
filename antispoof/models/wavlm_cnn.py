"""WavLM + CNN (Bigford, 2026): Mel-CNN on the last hidden state of WavLM instead of a mel image.

The hidden state (T, D), 149 x 1024 of 3 s, is an image of one channel: 404,833 parameters with
widths 32-64-128-256, which is Mel-CNN less one channel of the first convolution. The article does
not say how the CNN is fed; the values are taken as they are, batch norm scales them.
"""

from collections.abc import Sequence

import torch

from ..torch_utils.masks import frame_mask
from .checks import check_features
from .mel_cnn import MelCNN


class WavLMCNN(MelCNN):
    """Reads one layer (B, 1, T, D). Args: dim: D; widths, hidden, dropout: as of `MelCNN`."""

    shaped_by = ("dim",)

    channels = 1

    def __init__(
        self,
        dim: int = 1024,
        widths: Sequence[int] = (32, 64, 128, 256),
        hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(widths, "cached", hidden, dropout)
        self.dim = dim

    def image(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, T, D) -> (B, 1, D, T), zero beyond each utterance, and (B,) frames."""
        check_features(x, lengths, layers=1, dim=self.dim, least=2 ** len(self.blocks))
        return x.transpose(2, 3) * frame_mask(lengths, x.shape[2])[:, None, None], lengths
