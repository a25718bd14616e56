"""WavLM + AASIST (Bigford, 2026): three streams of 256 numbers, joined.

    WavLM's last hidden state -> Linear 256 -> attentive statistics -> Linear 256    459,648
    mel -> the AASIST of a self-supervised model, on 128 mel rows -> 256             356,936
    LFCC (60) -> four blocks of Mel-CNN, 16-32-64-128 -> Linear 256                  130,416
    joined, 768 -> Linear 256 -> ReLU -> dropout -> one logit                        197,121

1,144,121 parameters. The article names the parts and no sizes; these are a proposal. Its variants
are of how much of WavLM learns: with `finetune.layers: 12..23` of WavLM Large 151,161,120 more.
"""

from collections.abc import Sequence

import torch
from torch import nn

from ..features.lfcc import LFCCFrontEnd
from ..features.mel import MelFrontEnd
from ..layers.lengths import by_length
from ..layers.pooling import AttentiveStatistics
from ..torch_utils.masks import frame_mask
from .back_end import BackEnd
from .checks import check_features, check_waves
from .mel_cnn import PooledConvolutions
from .ssl_aasist import WIDTH, SslAasist


class WavLMAasist(BackEnd):
    """Reads one layer (B, 1, T, D) and waveforms (B, S): `feats: ssl`.

    Args: dim: D; size: of a stream; widths: of the LFCC stream's blocks; dropout: before the logit.
    """

    reads = "both"
    shaped_by = ("dim",)
    last_layer = "fusion"

    def __init__(
        self,
        dim: int = 1024,
        size: int = 256,
        widths: Sequence[int] = (16, 32, 64, 128),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.narrow = nn.Linear(dim, size)
        self.pool, self.pooled = AttentiveStatistics(size, 128), nn.Linear(2 * size, size)
        self.mel, self.mel_stream = MelFrontEnd(), SslAasist(dim=WIDTH, embedding=size)
        # a mel image already has the rows that a projection makes of states
        self.mel_stream.project, self.mel_stream.classifier = nn.Identity(), None
        self.lfcc, self.lfcc_blocks = LFCCFrontEnd(), PooledConvolutions([1, *widths])
        self.lfcc_out = nn.Linear(widths[-1], size)
        self.fusion = nn.Sequential(
            nn.Linear(3 * size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, 1)
        )

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor, waves: torch.Tensor, samples: torch.Tensor
    ) -> torch.Tensor:
        check_features(x, lengths, layers=1, dim=self.dim)
        check_waves(waves, samples, (2 ** len(self.lfcc_blocks) - 1) * self.lfcc.hop)
        states = self.narrow(x[:, 0]).transpose(1, 2)  # (B, size, T)
        states = self.pooled(self.pool(states, frame_mask(lengths, states.shape[2])))
        mel, frames = self.mel(waves, samples)
        embed = self.mel_stream.embed
        mel = by_length(embed, mel[:, 0].transpose(1, 2), frames, 1, self.training)
        lfcc, frames = self.lfcc(waves, samples)
        lfcc = self.lfcc_out(self.lfcc_blocks(lfcc[:, None], frames))
        logit = self.fusion(torch.cat([states, mel, lfcc], 1))
        return torch.cat([torch.zeros_like(logit), logit], 1)
