"""SpAArSIST whose savings are real: the residual encoder, not the graph, is what AASIST costs.

Of the 710 M multiply-accumulates of `ssl_aasist` at 201 frames, 84 % lie in the convolutions of the
residual encoder, 6 % in the attention map, and the graph that SpAArSIST makes sparser takes 6 %.
Substitutions, which are made unless they are taken back:

    separable         each (2, 3) convolution of blocks 2 to 6 becomes one of each channel by itself
                      and a 1 x 1, the shortcut of block 3 a 1 x 1
    attention_width   the attention map goes through 32 channels instead of 128
    scorer            magnitude, as in SpAArSIST
    time_pool         the maximum of so many columns, two, after the second block: half the
                      positions of the later blocks and half the temporal nodes

What each saves and what it does to the error rates: egs/mini/RESULTS.md.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.attention_map import AttentionMap
from ..layers.residual import ResidualBlock
from .ssl_aasist import SslAasist

WIDTHS = (32, 32, 64, 64, 64, 64)  # of the six blocks


class SpaarsistLite(SslAasist):
    """One cached layer (B, 1, T, D), T >= 3 time_pool, -> logits (B, 2).

    Args: as of Spaarsist, and the substitutions above.
    """

    def __init__(
        self,
        dim: int = 1024,
        embedding: int = 1024,
        classifier: str = "ff",
        scorer: str = "magnitude",
        aggregation: str = "attention",
        k_train: float = 0.5,
        k_infer: float = 0.5,
        temperatures: Sequence[float] = (2.0, 2.0, 100.0, 100.0),
        dropouts: Sequence[float] = (0.2, 0.5),
        separable: bool = True,
        time_pool: int = 2,
        attention_width: int = 32,
    ) -> None:
        k = (k_train, k_infer)
        super().__init__(dim, embedding, classifier, k, temperatures, dropouts, scorer, aggregation)
        block = SeparableBlock if separable else ResidualBlock
        self.encoder = nn.Sequential(
            ResidualBlock(1, WIDTHS[0], False, 1),
            *(
                block(before, after, pool=time_pool if number == 0 else 1)
                for number, (before, after) in enumerate(itertools.pairwise(WIDTHS))
            ),
        )
        self.attention = AttentionMap(64, attention_width)
        self.shortest *= time_pool


class SeparableBlock(nn.Module):
    """(B, before, F, T) -> (B, after, F, T // pool): ResidualBlock of separable convolutions."""

    def __init__(self, before: int, after: int, pool: int) -> None:
        super().__init__()
        self.conv1 = separable_conv(before, after, (1, 1))
        self.norm = nn.BatchNorm2d(after)
        self.conv2 = separable_conv(after, after, (0, 1))
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = F.selu(self.norm(self.conv1(x)), inplace=True)
        out = self.conv2(hidden) + self.shortcut(x)
        return out if self.pool == 1 else F.max_pool2d(out, (1, self.pool))


def separable_conv(before: int, after: int, padding: tuple[int, int]) -> nn.Module:
    """A (2, 3) convolution of each channel by itself, then 1 x 1 across channels."""
    return nn.Sequential(
        nn.Conv2d(before, before, (2, 3), padding=padding, groups=before, bias=False),
        nn.Conv2d(before, after, 1),
    )
