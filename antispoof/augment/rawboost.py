"""RawBoost (Tak et al., ICASSP 2022): noise of channels and devices, made from the waveform alone.

Exact in distribution, on whole batches, on a CPU or a GPU. What is drawn stands apart from the
arithmetic: `draw` gives a plain record, `apply` is deterministic.

    LnL  y = sum over i = 1..terms of notch_i * x^i, less its mean
    ISD  y[p] = x[p] (1 + impulse u1 u2) at a few positions p, u of U(-1, 1)
    SSI  y = x + white noise through a notch filter, at a drawn ratio

algo: 0 off, 1 LnL, 2 ISD, 3 SSI; in series 4 LnL, ISD, SSI, 5 LnL, ISD, 6 LnL, SSI, 7 ISD, SSI; 8
LnL and ISD in parallel, added. After LnL, ISD and 8 a peak above 1 is brought down to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..torch_utils.masks import frame_mask
from .checks import require, require_range
from .notches import apply_notches, draw_notches, reach_of

Draw = dict[str, dict[str, torch.Tensor]]
STEPS = {0: "", 1: "l", 2: "i", 3: "s", 4: "lis", 5: "li", 6: "ls", 7: "is", 8: "li"}


@dataclass(frozen=True)
class RawBoost:
    """Settings, by default those of every public system; ranges are of uniform draws."""

    algo: int = 3
    terms: int = 5  # powers of the waveform in LnL
    bands: int = 5  # notches of a filter
    frequency: tuple = (20, 8000)  # Hz, centre of a notch
    bandwidth: tuple = (100, 1000)  # Hz
    taps: tuple = (10, 100)  # of a notch; an even draw becomes odd
    gain: tuple = (0, 0)  # dB, of a filter
    bias: tuple = (5, 20)  # dB, by which `gain` is lowered from the second term on
    percent: float = 10.0  # of the samples, at most, that ISD touches
    impulse: float = 2.0  # g_sd, their strength
    snr: tuple = (10, 40)  # dB, of SSI

    def __post_init__(self) -> None:
        require(self.algo in STEPS, "algo", self.algo, "0 to 8")
        require(self.terms >= 1 and self.bands >= 1, "terms, bands", 0, "1 or more")
        require(0 <= self.percent <= 100, "percent", self.percent, "0 to 100")
        for key in ("gain", "bias", "snr"):
            require_range(key, getattr(self, key))
        require_range("frequency", self.frequency, 0, SAMPLE_RATE / 2)
        require_range("bandwidth", self.bandwidth, 1)
        require_range("taps", self.taps, 1, 10000)

    def draw(self, rng: np.random.Generator, length: int) -> Draw:
        """The record for one utterance of `length` samples, as `draw_batch` gives it."""
        return draw_batch(self, [rng], [length])

    def apply(self, wave: np.ndarray, drawn: Draw) -> np.ndarray:
        """(S,) float32 -> (S,)."""
        waves = torch.from_numpy(np.ascontiguousarray(wave, np.float32))[None]
        return apply_batch(self, waves, None, drawn)[0].numpy()


def draw_batch(
    settings: RawBoost,
    rngs: Sequence[np.random.Generator],
    lengths: Sequence[int],
    device: torch.device | str = "cpu",
) -> Draw:
    """What RawBoost needs for utterances of `lengths` samples, one NumPy generator for each.

    Returns {"lnl": {...}, "isd": {...}, "ssi": {...}} of tensors, those that the algorithm needs:
    notches as `draw_notches` gives them, "factors" (B, S) of ISD (0 where a sample stays), "noise"
    (B, S), white, 0 beyond each length, and "snr" (B,). The generators alone decide; noise and
    impulses are other ones on a GPU than on a CPU.
    """
    drawn, steps = {}, STEPS[settings.algo]
    if "l" in steps:
        gains = [settings.gain] + (settings.terms - 1) * [
            tuple(g - bias for g, bias in zip(settings.gain, settings.bias, strict=True))
        ]
        drawn["lnl"] = draw_notches(settings, rngs, gains, device)
    if "i" in steps:
        drawn["isd"] = {"factors": _draw_impulses(settings, rngs, lengths, device)}
    if "s" in steps:
        drawn["ssi"] = draw_notches(settings, rngs, [settings.gain], device)
        low, high = settings.snr
        snr = torch.tensor([low + (high - low) * rng.random() for rng in rngs])
        drawn["ssi"]["snr"] = snr.to(device)
        drawn["ssi"]["noise"] = _draw_noise(rngs, lengths, device)
    return drawn


def _draw_noise(rngs, lengths, device):
    noise = torch.zeros(len(rngs), max(lengths), device=device)
    for row, rng, length in zip(noise, rngs, lengths, strict=True):
        row[:length].normal_(generator=_generator(rng, device))
    return noise


def _draw_impulses(settings, rngs, lengths, device):
    """int(beta % of the length) positions without repetition, and u1 u2 at each; beta ~ U."""
    counts = [
        int(length * settings.percent * rng.random() / 100)
        for rng, length in zip(rngs, lengths, strict=True)
    ]
    if torch.device(device).type == "cuda":
        return _draw_impulses_there(rngs, lengths, counts, device)
    factors = np.zeros((len(rngs), max(lengths)), np.float32)
    for row, rng, length, count in zip(factors, rngs, lengths, counts, strict=True):
        positions = rng.choice(length, count, replace=False, shuffle=False)
        u = rng.random((2, count), np.float32)
        row[positions] = (2 * u[0] - 1) * (2 * u[1] - 1)
    return torch.from_numpy(factors)


def _draw_impulses_there(rngs, lengths, counts, device):
    """On a GPU: the positions are those of the `count` smallest of as many numbers as samples."""
    shape = (3, len(rngs), max(lengths))
    u = torch.full(shape, math.inf, dtype=torch.float64, device=device)
    for item, (rng, length) in enumerate(zip(rngs, lengths, strict=True)):
        u[:, item, :length] = torch.rand(
            3, length, dtype=u.dtype, device=device, generator=_generator(rng, device)
        )
    ends = torch.tensor(counts, device=device)[:, None]
    bounds = u[0].sort(-1).values.gather(-1, ends.clamp(max=shape[-1] - 1))
    return torch.where(u[0] < bounds, (2 * u[1] - 1) * (2 * u[2] - 1), 0.0).float()


def _generator(rng, device):
    return torch.Generator(device).manual_seed(int(rng.integers(2**63)))


def apply_batch(
    settings: RawBoost, waves: torch.Tensor, lengths: torch.Tensor | None, drawn: Draw
) -> torch.Tensor:
    """waves (B, S) float32, 0 beyond `lengths` (B,) -> (B, S), again 0 there.

    lengths None: all are whole. `drawn` is of `draw_batch` with the same settings and lengths.
    """
    valid = None
    if lengths is not None:
        valid = frame_mask(lengths, waves.shape[1])
    reach = reach_of(settings)
    if settings.algo == 8:
        impulses = _isd(waves, drawn["isd"], settings)
        return _limit(_lnl(waves, valid, drawn["lnl"], reach) + impulses)
    for step in STEPS[settings.algo]:
        if step == "l":
            waves = _lnl(waves, valid, drawn["lnl"], reach)
        elif step == "i":
            waves = _isd(waves, drawn["isd"], settings)
        else:
            waves = _ssi(waves, valid, drawn["ssi"], reach)
    return waves


def _lnl(x, valid, drawn, reach):
    y = apply_notches(x, drawn, reach)
    if valid is None:
        return _limit(y - y.mean(-1, keepdim=True))
    y = y * valid
    return _limit(torch.addcmul(y, valid, y.sum(-1, keepdim=True) / valid.sum(-1, True), value=-1))


def _isd(x, drawn, settings):
    return _limit(torch.addcmul(x, x, drawn["factors"], value=settings.impulse))


def _ssi(x, valid, drawn, reach):
    noise = apply_notches(drawn["noise"], drawn, reach)
    if valid is not None:
        noise = noise * valid
    ratio = x.norm(dim=-1) / noise.norm(dim=-1).clamp(min=1e-30) / 10 ** (drawn["snr"] / 20)
    return torch.addcmul(x, noise, ratio[:, None])


def _limit(x):
    """Bring a peak above 1 down to 1; x is changed."""
    low, high = torch.aminmax(x, dim=-1, keepdim=True)
    return x.div_(torch.maximum(-low, high).clamp(min=1.0))
