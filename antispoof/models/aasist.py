"""AASIST and AASIST-L, on the raw waveform (Jung et al., ICASSP 2022).

    S samples -> 70 fixed band-passes of 129 taps -> |.|, max of 3 x 3 -> an image of 23 x S/3 ->
    BN, SELU -> residual encoder, six blocks that each take the max of 3 columns -> max of |.| over
    time: 23 spectral nodes; over rows: S/2187 temporal nodes -> graph attention -> two logits

297,866 and 85,306 parameters. The published weights were trained on the first 64,600 samples of an
utterance, shorter ones repeated (`crop: {train: random, test: first, seconds: 4.0375, pad: tile}`);
`tools/import_checkpoint.py` takes them over.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..features.sinc import sinc_filters
from ..layers.graph import GraphReadout
from ..layers.lengths import by_length
from ..layers.residual import ResidualEncoder
from .back_end import BackEnd
from .checks import check_waves

FILTERS, TAPS = 70, 129
POOL = 3
LEAST = POOL**7 + TAPS - 1  # samples that leave one column


class Aasist(BackEnd):
    """Waveforms (B, S), S >= 2315, -> logits (B, 2).

    Args: widths: channels between the six blocks; nodes: (in the first, in the stacking layers),
        widths of the nodes; ks: share of nodes kept by the spectral pool, the temporal one, and
        those of the branches; temperatures, dropouts: see GraphReadout.
    """

    reads = "waveform"
    last_layer = "out"

    def __init__(
        self,
        widths: Sequence[int] = (32, 32, 64, 64, 64, 64),
        nodes: tuple[int, int] = (64, 32),
        ks: Sequence[float] = (0.5, 0.7, 0.5),
        temperatures: Sequence[float] = (2.0, 2.0, 100.0, 100.0),
        dropouts: Sequence[float] = (0.2, 0.5),
    ) -> None:
        super().__init__()
        filters = sinc_filters(FILTERS, TAPS)[:, None]
        self.register_buffer("filters", filters, persistent=False)
        self.norm = nn.BatchNorm2d(1)
        self.encoder = ResidualEncoder((1, *widths), POOL)
        ratios = [(k, k) for k in ks]
        self.graph = GraphReadout(FILTERS // POOL, *nodes, ratios, temperatures, dropouts)
        self.out = nn.Linear(5 * nodes[1], 2)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(B, S), all samples valid -> (B, 2)."""
        bands = F.conv1d(x[:, None], self.filters).abs()
        image = F.selu(self.norm(F.max_pool2d(bands[:, None], POOL)))  # (B, 1, 23, (S - 128) // 3)
        image = self.encoder(image).abs()
        spectral, temporal = image.amax(3).transpose(1, 2), image.amax(2).transpose(1, 2)
        return self.out(self.graph(spectral, temporal))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_waves(x, lengths, LEAST)
        return by_length(self.logits, x, lengths, 1, self.training)


class AasistL(Aasist):
    """AASIST with narrower blocks and nodes. Args: see Aasist."""

    def __init__(
        self,
        widths: Sequence[int] = (32, 32, 24, 24, 24, 24),
        nodes: tuple[int, int] = (24, 32),
        ks: Sequence[float] = (0.4, 0.5, 0.7),
        temperatures: Sequence[float] = (2.0, 2.0, 100.0, 100.0),
        dropouts: Sequence[float] = (0.2, 0.5),
    ) -> None:
        super().__init__(widths, nodes, ks, temperatures, dropouts)
