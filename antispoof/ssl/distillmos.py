"""Distill-MOS (Microsoft, MIT) as an upstream: a small network distilled from XLS-R.

Its package holds the weights of 4.2 million parameters; the network is written here from their
layout, to run in batches, on sounds of any length, and fast on a CPU. Source: B. Stahl and
H. Gamper, "Distillation and pruning for scalable self-supervised representation-based speech
quality assessment", ICASSP 2025.

Layers. 8 hidden states of 200: the input of the first of seven post-norm transformer layers, then
the output of each.

Waveform. Divided by its largest absolute value.

Frames. One for each 20 ms: ceil(floor(S / 160) / 2) of S samples, at least one frame of 160.

Longer than the positional table's 384 frames (7.68 s): in windows, see `encoder.Encoder`. (The
package pads to 7.68 s and averages the quality of windows.)

Batches. Exact for any lengths: behind an utterance's end everything is zero before each
convolution, as it is where nothing follows, and attention does not see it.

It learned from about 2,600 h of speech, of which a part was synthetic (Coqui TTS) and probably
converted (VoiceMOS 2022): an attack that is "unknown" to a back end need not be unknown to it.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.kept import Kept
from ..torch_utils.masks import valid_mask
from .encoder import Attention, Encoder

HOP, WINDOW = 160, 320  # samples
TABLE = 384  # frames that the positional table holds
CHANNELS = (2, 64, 64, 128, 256, 256, 256)
WIDTH, HEADS, LAYERS = 200, 8, 7
PIECE = 400  # 10 ms frames that go through the convolutions at once; more leave the cache
CONTEXT = 8  # 10 ms frames on both sides that a piece's own ones depend on
ALIKE = Kept()  # open while sounds come that are the first one but for a span of time, on a CPU


class DistillMos(Encoder):
    """The network without its quality head; each of its 8 hidden states is (B, T, 200)."""

    def __init__(self) -> None:
        layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        super().__init__(Convolutions(), nn.Linear(1024, WIDTH), layers, TABLE, WIDTH)

    @staticmethod
    def frame_count(samples: int) -> int:
        """Frames of `samples` samples; 0 where there is none."""
        return (samples // HOP + 1) // 2


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
            found = [self._one(spectrum[None]) for spectrum in spectra]
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

    def _one(self, spectrum):
        """(1, F, 161, 2) -> (ceil(F / 2), 1024); while ALIKE is open, of what is not known yet."""
        kept = ALIKE.now
        if kept is None:
            return self._in_pieces(spectrum, None)[0]
        first, known = kept.setdefault(self, (spectrum, None))
        if known is None or first.shape != spectrum.shape:
            found = self._in_pieces(spectrum, None)[0]
            if known is None:
                kept[self] = (spectrum, found)
            return found
        changed = (first != spectrum).any(-1).any(-1)[0].nonzero()[:, 0].tolist()
        if not changed:
            return known
        start = max(0, changed[0] - CONTEXT) // 2 * 2
        stop = min(changed[-1] + 1 + CONTEXT, spectrum.shape[1])
        own = self._in_pieces(spectrum, None, start, stop)[0]
        return torch.cat([known[: start // 2], own, known[start // 2 + len(own) :]])

    def _in_pieces(self, spectra, frames, first=0, last=None):
        """(B, F, 161, 2) -> (B, ceil(F / 2), 1024), in pieces of a size that the cache holds.

        frames: of each utterance, where they differ; first, last: of F, those that are computed.
        """
        pieces, last = [], spectra.shape[1] if last is None else last
        for start in range(first, last, PIECE):
            left, stop = max(0, start - CONTEXT), min(start + PIECE, last)
            x = spectra[:, left : stop + CONTEXT].permute(0, 3, 2, 1)
            x = x.contiguous(memory_format=torch.channels_last)
            for layer in self.layers:
                if frames is not None:
                    inside = torch.tensor(frames, device=x.device) - left
                    x = x * valid_mask(inside, x.shape[3])[:, None, None]
                x = F.leaky_relu(layer(x), 0.1)
            own = x[..., (start - left) // 2 :][..., : (stop - start + 1) // 2]
            pieces.append(own.permute(0, 3, 1, 2).flatten(2))  # channels, then frequencies
        return torch.cat(pieces, 1)


class Layer(nn.Module):
    """A post-norm transformer layer, by the names of `nn.TransformerEncoderLayer`."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention(WIDTH, HEADS)
        self.linear1, self.linear2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(
        self, x: torch.Tensor, seen: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, None]:
        """x (B, T, 200), seen (B, 1, 1, T) -> (x, None), as layers of s3prl's models return."""
        x = self.norm1(x + self.self_attn(x, seen))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x)))), None
