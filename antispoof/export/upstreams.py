"""Upstreams that a trace can follow: a waveform (1, S) of any length -> states (1, T, D)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import UserError
from ..features.mel import deltas
from ..ssl.distillmos import HOP, WINDOW, DistillMos
from .spectra import Fourier


class DistillMosStates(nn.Module):
    """The hidden states of `DistillMos`, a list; a long sound goes through all windows at once."""

    def __init__(self, original: DistillMos) -> None:
        super().__init__()
        self.original = original
        self.fourier = Fourier(original.convolutions.window, HOP)

    def forward(self, wave: torch.Tensor) -> list[torch.Tensor]:
        wave = wave / (wave.abs().amax(1, keepdim=True) + 1e-8)
        margin = (WINDOW - HOP) // 2
        parts = self.fourier(F.pad(wave[:, None], (margin, margin), mode="reflect")[:, 0])
        parts = torch.stack(parts, 1)  # (1, 2, F, T)
        magnitude = parts.square().sum(1, keepdim=True).sqrt().clamp(min=1e-12)
        x = magnitude**0.3 * parts / magnitude
        for layer in self.original.convolutions.layers:
            x = F.leaky_relu(layer(x), 0.1)
        x = self.original.projection(x.permute(0, 3, 1, 2).flatten(2))  # (1, T, D)
        return self._encode(x[0])

    def _encode(self, x):
        """(T, D) -> [(1, T, D), ...]: windows of the positional table, as `Encoder` lays them."""
        table = len(self.original.positions)
        count = torch.as_tensor(x.shape[0], device=x.device)
        starts, window = window_starts(count, table)
        inside = torch.arange(table, device=x.device)[: count.clamp(max=table)]
        x = x[starts[:, None] + inside] + self.original.positions[inside]  # (W, L, D)
        states = [x]
        for layer in self.original.layers:
            x, _ = layer(x)
            states.append(x)
        at = torch.arange(count, device=x.device) - starts[window]
        return [state[window, at][None] for state in states]


def window_starts(count: torch.Tensor, table: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the windows over `count` frames begin (W,), and the window of each frame (T,).

    The same as of `ssl.encoder.windows`.
    """
    most = (count - table).clamp(min=0)
    spaces = (most + table // 2 - 1) // (table // 2)
    numbers = torch.arange(spaces + 1, device=count.device)
    starts = (most * numbers / spaces.clamp(min=1).double()).round().long()
    middles = (starts[:-1] + starts[1:] + table) // 2
    frames = torch.arange(count, device=count.device)
    return starts, (frames[:, None] >= middles[None]).long().sum(1)


class Mel(nn.Module):
    """The log-mels of s3prl's baseline, without frames of zeros at the end: a list of one state."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        extracter = original.extracter
        (self.settings,) = extracter.feat_list
        arguments = extracter._win_args
        room = arguments["n_fft"] - arguments["win_length"]
        window = F.pad(extracter._window, (room // 2, room - room // 2))
        self.fourier = Fourier(window, arguments["hop_length"])
        self.margin, self.eps = arguments["n_fft"] // 2, extracter.eps
        self.register_buffer("bank", extracter._melscale.fb)

    def forward(self, wave: torch.Tensor) -> list[torch.Tensor]:
        wide = F.pad(wave[:, None], (self.margin, self.margin), mode="reflect")[:, 0]
        real, imaginary = self.fourier(wide)
        power = real.square() + imaginary.square()
        x = (power.transpose(1, 2) @ self.bank).transpose(1, 2)
        if self.settings["log"]:
            x = (x + self.eps).log()
        parts = [x]
        for _ in range(self.settings["delta"]):
            parts.append(deltas(parts[-1]))
        x = torch.cat(parts, 1)
        x = x[:, :, : frames_until_zeros(wave, x.shape[2])]
        if self.settings["cmvn"]:
            x = (x - x.mean(2, keepdim=True)) / (x.std(2, keepdim=True) + self.eps)
        return [x.transpose(1, 2)]


def frames_until_zeros(wave: torch.Tensor, frames: Any) -> torch.Tensor:
    """How many of the frames of a wave (1, S) stand before the zeros at its end; all of silence."""
    samples = torch.as_tensor(wave.shape[1], device=wave.device)
    numbers = torch.arange(1, samples + 1, device=wave.device)
    last = (numbers * (wave[0] != 0)).amax()
    last = torch.where(last == 0, samples, last)
    return (last.double() / (samples.double() / frames)).round().long()


def states_of(upstream: nn.Module, config: dict[str, Any]) -> Callable[..., list[torch.Tensor]]:
    """A module that gives the hidden states of `upstream`, of conf/upstream/. Raises UserError."""
    if isinstance(upstream, DistillMos) and config["frames"] != "s3prl":
        return DistillMosStates(upstream)
    baseline = getattr(upstream, "config", {})
    if isinstance(baseline, dict) and baseline.get("input", {}).get("feat_type") == "mel":
        return Mel(upstream)
    raise UserError(
        f"upstream {config['name']}: cannot be exported from the waveform on, wanted distillmos or "
        "mel; export the back end alone with --features"
    )
