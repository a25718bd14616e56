"""Distill-MOS (Microsoft, MIT) as an upstream: a small network distilled from XLS-R.

Its package holds the weights of 4.2 million parameters; the network is written here from their
layout, to run in batches, on sounds of any length, and fast on a CPU. Source: B. Stahl and
H. Gamper, "Distillation and pruning for scalable self-supervised representation-based speech
quality assessment", ICASSP 2025.

Layers. 8 hidden states of 200: the input of the first of seven post-norm transformer layers, then
the output of each.

Waveform. Divided by its largest absolute value.

Frames. One for each 20 ms: ceil(floor(S / 160) / 2) of S samples, at least one frame of 160.

Longer than the positional table's 384 frames (7.68 s): the convolutions run over the whole sound;
the transformer runs over windows of 384 frames, of which each shares at least half with the next,
and a frame has its states from the window whose middle is nearest. (The package pads to 7.68 s and
averages the quality of windows.)

Batches. Exact for any lengths: behind an utterance's end everything is zero before each
convolution, as it is where nothing follows, and attention does not see it.

It learned from about 2,600 h of speech, of which a part was synthetic (Coqui TTS) and probably
converted (VoiceMOS 2022): an attack that is "unknown" to a back end need not be unknown to it.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.masks import valid_mask

HOP, WINDOW = 160, 320  # samples
TABLE = 384  # frames that the positional table holds
CHANNELS = (2, 64, 64, 128, 256, 256, 256)
WIDTH, HEADS, LAYERS = 200, 8, 7
PIECE = 400  # 10 ms frames that go through the convolutions at once; more leave the cache
CONTEXT = 8  # 10 ms frames on both sides that a piece's own ones depend on
AT_ONCE = 16  # windows of a long sound in the transformer


class DistillMos(nn.Module):
    """The network without its quality head: `forward([(S,), ...]) -> {"hidden_states": [...]}`.

    Each of the 8 hidden states is (B, T, 200), T frames of the longest; what is behind an
    utterance's own `frame_count` is meaningless.
    """

    dim, exact_in_batches = WIDTH, True

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = Convolutions()
        self.projection = nn.Linear(1024, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.register_buffer("positions", torch.zeros(TABLE, WIDTH))
        self.feature_grad_mult = 1.0  # scales the gradient that reaches the convolutions

    @staticmethod
    def frame_count(samples: int) -> int:
        """Frames of `samples` samples; 0 where there is none."""
        return (samples // HOP + 1) // 2

    def forward(self, waves: Sequence[torch.Tensor]) -> dict[str, list[torch.Tensor]]:
        counts = [self.frame_count(len(wave)) for wave in waves]
        assert min(counts) > 0, counts
        learns = any(p.requires_grad for p in self.convolutions.parameters())
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            x = self.convolutions(waves)
        if self.feature_grad_mult != 1:
            x = x * self.feature_grad_mult + x.detach() * (1 - self.feature_grad_mult)
        x = self.projection(x)
        if max(counts) <= TABLE:
            return {"hidden_states": self._encode(x, counts)}
        return {"hidden_states": self._encode_windows(x, counts)}

    def _encode(self, x, counts):
        """(B, T, 200) of at most 384 frames -> the input of the first layer, and each output."""
        x = x + self.positions[: x.shape[1]]
        seen, states = None, [x]
        if min(counts) < x.shape[1]:
            seen = valid_mask(torch.tensor(counts, device=x.device), x.shape[1])[:, None, None]
        for layer in self.layers:
            x, _ = layer(x, seen=seen)
            states.append(x)
        return states

    def _encode_windows(self, x, counts):
        """The same of utterances of any length, each through the windows of its own length."""
        states = [x.new_zeros(x.shape) for _ in range(1 + LAYERS)]
        for item, count in enumerate(counts):
            plan, length = windows(count), min(count, TABLE)
            for first in range(0, len(plan), AT_ONCE):
                some = plan[first : first + AT_ONCE]
                parts = torch.stack([x[item, w.start : w.start + length] for w in some])
                for whole, found in zip(states, self._encode(parts, [length]), strict=True):
                    for window, state in zip(some, found, strict=True):
                        own = slice(window.first - window.start, window.end - window.start)
                        whole[item, window.first : window.end] = state[own]
        return states


class Window(NamedTuple):
    """Frames from `start` on go through the transformer; of these `first` to `end` are kept."""

    start: int
    first: int
    end: int


def windows(count: int) -> list[Window]:
    """The windows of `count` frames: evenly spaced, by half a table at most."""
    most = max(count - TABLE, 0)
    spaces = -(-most // (TABLE // 2))
    starts = [round(most * n / spaces) if spaces else 0 for n in range(spaces + 1)]
    middles = [(a + b + TABLE) // 2 for a, b in itertools.pairwise(starts)]
    return [Window(*w) for w in zip(starts, [0, *middles], [*middles, count], strict=True)]


class Convolutions(nn.Module):
    """[(S,), ...] -> (B, T, 1024): six convolutions over a compressed complex spectrum."""

    def __init__(self) -> None:
        super().__init__()
        last = len(CHANNELS) - 2
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, (2 if n else 1, 2 if n == last else 1), (0, 1))
            for n, (before, after) in enumerate(itertools.pairwise(CHANNELS))
        )
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.layers.to(memory_format=torch.channels_last)  # the fastest of oneDNN's forms

    def forward(self, waves: Sequence[torch.Tensor]) -> torch.Tensor:
        spectra = [self._spectrum(wave) for wave in waves]
        if spectra[0].device.type == "cpu":  # nothing is won by a batch, and padding is lost
            found = [self._in_pieces(spectrum[None], None)[0] for spectrum in spectra]
            return nn.utils.rnn.pad_sequence(found, batch_first=True)
        frames = [len(spectrum) for spectrum in spectra]
        same = min(frames) == max(frames)
        spectra = nn.utils.rnn.pad_sequence(spectra, batch_first=True)
        return self._in_pieces(spectra, None if same else frames)

    def _spectrum(self, wave):
        """(S,) -> (F, 161, 2): real and imaginary part, of magnitudes to the power of 0.3."""
        wave = wave / (wave.abs().max() + 1e-8)
        wave = F.pad(wave[None], ((WINDOW - HOP) // 2,) * 2, mode="reflect")
        spectrum = torch.stft(
            wave, WINDOW, HOP, window=self.window, center=False, return_complex=True
        )[0]
        parts = torch.view_as_real(spectrum.t())
        magnitude = parts.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-12)
        return magnitude**0.3 * parts / magnitude

    def _in_pieces(self, spectra, frames):
        """(B, F, 161, 2) -> (B, ceil(F / 2), 1024), in pieces of a size that the cache holds.

        frames: of each utterance, where they differ.
        """
        pieces = []
        for start in range(0, spectra.shape[1], PIECE):
            left = max(0, start - CONTEXT)
            x = spectra[:, left : start + PIECE + CONTEXT].permute(0, 3, 2, 1)
            x = x.contiguous(memory_format=torch.channels_last)
            for layer in self.layers:
                if frames is not None:
                    inside = torch.tensor(frames, device=x.device) - left
                    x = x * valid_mask(inside, x.shape[3])[:, None, None]
                x = F.leaky_relu(layer(x), 0.1)
            own = x[..., (start - left) // 2 :][..., : PIECE // 2]
            pieces.append(own.permute(0, 3, 1, 2).flatten(2))  # channels, then frequencies
        return torch.cat(pieces, 1)


class Layer(nn.Module):
    """A post-norm transformer layer, by the names of `nn.TransformerEncoderLayer`."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.linear1, self.linear2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(
        self, x: torch.Tensor, seen: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, None]:
        """x (B, T, 200), seen (B, 1, 1, T) -> (x, None), as layers of s3prl's models return."""
        x = self.norm1(x + self.self_attn(x, seen))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x)))), None


class Attention(nn.Module):
    """Multi-head attention by the names of `nn.MultiheadAttention`."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * WIDTH, WIDTH))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor:
        x = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = x.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out_proj(x.transpose(1, 2).flatten(2))
