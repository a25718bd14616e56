"""The mel front end of the Mel-CNN study: mel, dB, deltas, per-sample normalisation."""

import torch
from torch import nn

from ..torch_utils.audio import MelSpectrogram, amplitude_to_DB, compute_deltas
from ..torch_utils.autocast import full_precision
from ..torch_utils.masks import valid_mask
from ..torch_utils.tracing import is_traceable


class MelFrontEnd(nn.Module):
    """(B, S) waveforms at 16 kHz -> (B, 2, 128, T): log-mel and its delta.

    Peak normalisation, n_fft 1024, hop 160, 128 mels of 20-7600 Hz, dB with top_db 80, deltas,
    each utterance to mean 0 and deviation 1. At 48,000 samples T is 301.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = MelSpectrogram(
            sample_rate=16000,
            n_fft=1024,
            hop_length=160,
            n_mels=128,
            f_min=20.0,
            f_max=7600.0,
            center=False,
        )

    @full_precision
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the image and (B,) valid frames."""
        x = x * valid_mask(lengths, x.shape[1])
        x = x / x.abs().amax(1, keepdim=True).clamp(min=1e-8)
        frames = lengths // self.mel.hop_length + 1
        mel = self.mel(mirrored(x, lengths, self.mel.n_fft // 2))
        mel = mel * valid_mask(frames, mel.shape[2])[:, None]
        # top_db is taken per utterance: with a channel axis, (B, 1, D, T), each has its own peak
        mel = amplitude_to_DB(mel[:, None], 10.0, 1e-10, 0.0, top_db=80.0)[:, 0]
        return deltas_and_norm(mel, frames), frames


def mirrored(x: torch.Tensor, lengths: torch.Tensor, margin: int) -> torch.Tensor:
    """(B, S) -> (B, S + 2 margin): mirrored at its own ends, as a centred STFT of one is."""
    at = torch.arange(-margin, x.shape[1] + margin, device=x.device).abs().expand(len(x), -1)
    last = lengths[:, None] - 1
    return x.gather(1, (last - (last - at).abs()).clamp(min=0))


@full_precision
def deltas_and_norm(mel: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, D, T) log-mels -> (B, 2, D, T): mel and delta, normalised over valid frames."""
    inside = valid_mask(lengths, mel.shape[2])[:, None, None]
    mel = held(mel, lengths)
    image = torch.stack([mel, deltas(mel)], 1) * inside
    count = (lengths * mel.shape[1])[:, None, None, None]
    mean = image.sum((2, 3), keepdim=True) / count
    centred = (image - mean) * inside
    deviation = (centred.square().sum((2, 3), keepdim=True) / count).sqrt()
    return centred / (deviation + 1e-5)


def deltas(x: torch.Tensor) -> torch.Tensor:
    """(B, D, T) -> (B, D, T): regression over two frames to each side; the ends are repeated."""
    if not is_traceable():
        return compute_deltas(x)
    ends = [x[:, :, :1], x[:, :, :1], x, x[:, :, -1:], x[:, :, -1:]]
    wide, count = torch.cat(ends, 2), x.shape[2]
    shifts = (wide[:, :, 2 + n : 2 + n + count] * (n / 10) for n in (-2, -1, 1, 2))
    return torch.stack(list(shifts)).sum(0)


def held(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, D, T) with the last valid frame repeated beyond each end.

    A delta there then is that of an unpadded utterance, whose ends `compute_deltas` repeats.
    """
    inside = valid_mask(lengths, x.shape[2])
    last = x.gather(2, (lengths - 1)[:, None, None].expand(-1, x.shape[1], 1))
    return torch.where(inside[:, None], x, last)
