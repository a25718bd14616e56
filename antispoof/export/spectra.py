"""Short-time Fourier transforms as products of matrices, which every runtime has.

In float64: the logarithm of a quiet band shows what float32 rounds (0.1 of an LLR in some sounds).
"""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import UserError
from ..torch_utils.audio import Spectrogram


class Fourier(nn.Module):
    """(B, S) -> real and imaginary parts (B, F, T) of the frames that lie in it whole.

    Args: window (N,) of a frame of N samples, N // 2 + 1 = F; hop: samples from frame to frame.
    """

    def __init__(self, window: torch.Tensor, hop: int) -> None:
        super().__init__()
        size, self.hop = len(window), hop
        turns = torch.arange(size // 2 + 1)[:, None] * torch.arange(size) % size  # whole turns less
        angles = turns.double() * (2 * math.pi / size)
        waves = torch.cat([angles.cos(), -angles.sin()]) * window.double()
        self.register_buffer("kernels", waves.t().contiguous())  # (N, 2 F)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        size, bins = len(self.kernels), self.kernels.shape[1] // 2
        count = (x.shape[1] - size) // self.hop + 1
        starts = self.hop * torch.arange(count, device=x.device)
        frames = x[:, starts[:, None] + torch.arange(size, device=x.device)]  # (B, T, N)
        both = (frames.double() @ self.kernels).float().transpose(1, 2)
        return both[:, :bins], both[:, bins:]


class PowerSpectra(nn.Module):
    """What a `Spectrogram` of torchaudio gives, as this library uses it: (B, S) -> (B, F, T)."""

    def __init__(self, original: Spectrogram) -> None:
        super().__init__()
        if original.center or original.pad or original.normalized or original.power != 2:
            raise UserError("export: found a spectrogram that is centred, padded or normalised")
        room = original.n_fft - original.win_length
        window = F.pad(original.window, (room // 2, room - room // 2))
        self.fourier = Fourier(window, original.hop_length)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        real, imaginary = self.fourier(x)
        return real.square() + imaginary.square()


def with_products(model: nn.Module) -> nn.Module:
    """A copy of `model` whose spectrograms are products of matrices."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, Spectrogram):
                setattr(module, name, PowerSpectra(child))
    return model
