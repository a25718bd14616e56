"""The encoder of Whisper tiny.en (OpenAI, MIT) as an upstream, an optional second of our own.

Written here from the layout of its weights, 7.6 million parameters. Source: A. Radford et al.,
"Robust Speech Recognition via Large-Scale Weak Supervision", ICML 2023.

Layers. 5 hidden states of 384: the input of the first of four pre-norm transformer layers, then the
output of each; the last is after the encoder's LayerNorm, or before it (`final_norm`).

Waveform. As it is; the log-mel has a floor of 8 below its maximum over the utterance, in log10.

Frames. One for each 20 ms: ceil(floor(S / 160) / 2) of S samples, at least one frame of 201, since
the spectrum mirrors 200 samples at both ends.

Padding. None. (The published program pads to 30 s, and its decoder expects that.) Longer than the
positional table's 1500 frames (30 s): in windows, see `encoder.Encoder`.

Batches. Exact for any lengths: behind an utterance's end everything is zero before each
convolution, as it is where nothing follows, and attention does not see it.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from .. import SAMPLE_RATE
from ..torch_utils.audio import melscale_fbanks
from ..torch_utils.autocast import full_precision
from ..torch_utils.masks import valid_mask
from .encoder import Attention, Encoder

SIZE, HOP, MELS = 400, 160, 80  # samples of the spectrum, samples from one to the next, bands
TABLE = 1500  # frames that the positional table holds
WIDTH, HEADS, LAYERS = 384, 6, 4


class WhisperEncoder(Encoder):
    """The encoder; each of its 5 hidden states is (B, T, 384)."""

    def __init__(self) -> None:
        layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        super().__init__(Convolutions(), nn.Identity(), layers, TABLE, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.final_norm = "after"  # or "before": what the last hidden state is

    @staticmethod
    def frame_count(samples: int) -> int:
        """Frames of `samples` samples; 0 where there is none."""
        return (samples // HOP + 1) // 2 if samples > SIZE // 2 else 0

    def last_state(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x) if self.final_norm == "after" else x


class Convolutions(nn.Module):
    """[(S,), ...] -> (B, T, 384): two convolutions over a log-mel spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        bands = melscale_fbanks(
            SIZE // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, "slaney", "slaney"
        )
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("window", torch.hann_window(SIZE), persistent=False)

    def forward(self, waves: Sequence[torch.Tensor]) -> torch.Tensor:
        mels = [log_mel(self.window, self.bands, wave) for wave in waves]
        frames = torch.tensor([len(mel) for mel in mels], device=mels[0].device)
        x = nn.utils.rnn.pad_sequence(mels, batch_first=True).transpose(1, 2)
        x = F.gelu(self.first(x)) * valid_mask(frames, x.shape[2])[:, None]
        return F.gelu(self.second(x)).transpose(1, 2)


@full_precision
def log_mel(window: torch.Tensor, bands: torch.Tensor, wave: torch.Tensor) -> torch.Tensor:
    """(S,) -> (floor(S / 160), 80): log10 of the bands' power, at most 8 below the maximum."""
    spectrum = torch.stft(wave, SIZE, HOP, window=window, return_complex=True)[:, :-1]
    mel = (spectrum.abs().square().t() @ bands).clamp(min=1e-10).log10()
    return (mel.maximum(mel.max() - 8) + 4) / 4


class Layer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention(WIDTH, HEADS)
        self.linear1, self.linear2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(
        self, x: torch.Tensor, seen: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, None]:
        """x (B, T, 384), seen (B, 1, 1, T) -> (x, None), as layers of s3prl's models return."""
        x = x + self.self_attn(self.norm1(x), seen)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x)))), None
