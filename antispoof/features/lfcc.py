"""LFCC: cepstral coefficients of a linear filter bank, with deltas and double deltas."""

import torch
from torch import nn

from ..torch_utils.audio import LFCC
from ..torch_utils.autocast import full_precision
from ..torch_utils.masks import valid_mask
from .mel import deltas, held, mirrored


class LFCCFrontEnd(nn.Module):
    """(B, S) waveforms at 16 kHz -> (B, 3 count, T): LFCC, deltas, double deltas.

    Windows of 20 ms every 10 ms, 512 points of FFT, `count` filters up to 8 kHz and as many
    coefficients of the log: 60 numbers with 20, as in the baselines of the ASVspoof 2021 challenge.
    T is samples // 160 + 1; frames are centred, and the sound is mirrored at its ends.
    """

    def __init__(self, count: int = 20) -> None:
        super().__init__()
        self.dim = 3 * count
        window = {"n_fft": 512, "win_length": 320, "hop_length": 160, "center": False}
        self.lfcc = LFCC(n_filter=count, n_lfcc=count, log_lf=True, speckwargs=window)
        self.margin, self.hop = window["n_fft"] // 2, window["hop_length"]

    @full_precision
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the features, zero beyond each utterance, and (B,) valid frames."""
        frames = lengths // self.hop + 1
        static = held(self.lfcc(mirrored(x, lengths, self.margin)), frames)
        delta = held(deltas(static), frames)
        joined = torch.cat([static, delta, deltas(delta)], 1)
        return joined * valid_mask(frames, joined.shape[2])[:, None], frames
