"""RawBoost's notch filters: drawn, designed and applied for a whole batch at once.

A filter is a chain of linear-phase FIR notches by the window method. About its middle such a filter
is even, so its spectrum is real; the chain's is the product of its notches', a sum of filtered
terms is one product less, and one inverse transform gives them all.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from .. import SAMPLE_RATE

if TYPE_CHECKING:
    from .rawboost import RawBoost

POINTS = 512  # of the response, from 0 to below half the rate, whose largest value is set


def draw_notches(
    settings: "RawBoost",
    rngs: Sequence[np.random.Generator],
    gains: Sequence[tuple[float, ...]],
    device: torch.device | str = "cpu",
) -> dict[str, torch.Tensor]:
    """Notches of len(gains) filters per utterance, one NumPy generator for each.

    gains: (lowest, highest) of each filter in dB. Returns float64 tensors: "centre", "width" in Hz
    and "taps", odd, (B, filters, bands), and "gain" in dB, (B, filters).
    """
    bands = settings.bands
    u = np.stack([rng.random((len(gains), 3 * bands + 1)) for rng in rngs])
    u = torch.from_numpy(u).to(device)
    low, high = torch.tensor(gains, dtype=u.dtype, device=device).T

    def spread(part, ends):
        return ends[0] + (ends[1] - ends[0]) * u[..., part * bands : (part + 1) * bands]

    return {
        "centre": spread(0, settings.frequency),
        "width": spread(1, settings.bandwidth),
        "taps": spread(2, settings.taps).floor().div(2, rounding_mode="floor") * 2 + 1,
        "gain": low + (high - low) * u[..., -1],
    }


def reach_of(settings: "RawBoost") -> int:
    """Samples on either side of its middle that a filter of `settings` can reach."""
    return settings.bands * (int(settings.taps[1]) // 2)


def design(notches: dict[str, torch.Tensor], reach: int, size: int) -> torch.Tensor:
    """Real spectra (B, filters, size // 2 + 1) of the filters, float64, about their middles.

    size: of the transform, a multiple of 2 * POINTS that holds the filters. Each notch is
    scipy.signal.firwin(taps, [centre - width / 2, centre + width / 2]) with a Hamming window.
    """
    half = reach // notches["taps"].shape[-1]
    k = torch.arange(half + 1, dtype=torch.float64, device=notches["taps"].device)
    nyquist = SAMPLE_RATE / 2
    low = (notches["centre"] - notches["width"] / 2)[..., None]
    high = (notches["centre"] + notches["width"] / 2)[..., None]
    low = torch.where(low <= 0, 0.001, low) / nyquist
    high = torch.where(high >= nyquist, nyquist - 0.001, high) / nyquist
    last = (notches["taps"][..., None] - 1) / 2
    h = low * torch.sinc(low * k) + (k == 0).to(k) - high * torch.sinc(high * k)
    h = h * (0.54 + 0.46 * torch.cos(math.pi * k / last.clamp(min=0.5))) * (k <= last)
    h[..., 1:] *= 2  # those on the other side of the middle
    h = h / h.sum(-1, keepdim=True)  # firwin's: 1 at 0 Hz
    spectra = torch.fft.rfft(h, size).real.prod(-2)  # of even sequences: cosines alone
    largest = spectra[..., : size // 2 : size // 2 // POINTS].abs().amax(-1)
    return spectra * (10 ** (notches["gain"] / 20) / largest)[..., None]


def apply_notches(x: torch.Tensor, notches: dict[str, torch.Tensor], reach: int) -> torch.Tensor:
    """sum over i of filter_i * x^(i + 1), x (B, S) -> (B, S), zero outside of x taken for granted.

    Aligned as the definition does it: N = len(b) + 1 zeros behind x and N / 2 samples dropped at
    either end, which is one sample before the filters' middle.
    """
    size = 2 * POINTS
    while size < 8 * reach:
        size *= 2
    spectra = design(notches, reach, size).float()
    samples, hop = x.shape[1], size - 2 * reach
    blocks = -(-samples // hop)
    left = reach - 1
    padded = torch.nn.functional.pad(x, (left, (blocks - 1) * hop + size - left - samples))
    frames = padded.unfold(-1, size, hop)  # overlap-save, (B, blocks, size)
    power = frames
    total = torch.fft.rfft(power) * spectra[:, 0, None]
    for term in range(1, spectra.shape[1]):
        power = power * frames
        total += torch.fft.rfft(power) * spectra[:, term, None]
    y = torch.fft.irfft(total, size)[..., reach : reach + hop]
    return y.reshape(len(x), -1)[:, :samples]
