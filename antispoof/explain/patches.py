"""A sound cut into patches of time and frequency, any of which can be taken out of it.

A patch is a span of time by a band of frequency. What is taken out is replaced, in a short-time
Fourier transform, by what `fill` says, and the sound goes back to a waveform: any model can then
score it. A patch is as sharp as the transform: 32 ms and 31 Hz.
"""

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..config import one_of
from ..errors import UserError

N_FFT, HOP = 512, 128  # samples
FILLS = ("background", "mean", "silence")
QUIET = 0.1  # quantile over time that is the background of a frequency
MOST_BANDS = 64


class Patches:
    """Patches of a waveform (S,): T columns of time by F bands of frequency, of equal sizes.

    fill: what a patch is replaced by. `background` is noise at the level of each frequency's
    quiet tenth in this sound, `mean` noise at its mean power, `silence` nothing.

    `times` (T + 1,) are the edges of the columns in seconds, `bands` (F + 1,) those of the bands in
    Hz. Raises UserError.
    """

    def __init__(
        self, wave: np.ndarray, columns: int, bands: int, fill: str = "background", seed: int = 0
    ) -> None:
        one_of("explain", "fill", fill, FILLS)
        if not 1 <= columns <= 1 + len(wave) // HOP or not 1 <= bands <= MOST_BANDS:
            raise UserError(
                f"explain: found {columns} columns and {bands} bands, wanted 1 to "
                f"{1 + len(wave) // HOP} columns and 1 to {MOST_BANDS} bands"
            )
        self.wave = torch.from_numpy(np.array(wave, np.float32))
        self.shape = (bands, columns)
        self.times = np.linspace(0, len(wave) / SAMPLE_RATE, columns + 1)
        self.bands = np.linspace(0, SAMPLE_RATE / 2, bands + 1)
        self.window = torch.hann_window(N_FFT)
        self.spectrum = self._stft(self.wave)  # (513 // 2 + 1, frames)
        self.change = self._fill(fill, seed) - self.spectrum
        self.rows = _indices(self.spectrum.shape[0], bands)
        self.frames = _indices(self.spectrum.shape[1], columns)

    def _stft(self, wave):
        return torch.stft(
            wave, N_FFT, HOP, window=self.window, pad_mode="constant", return_complex=True
        )

    def _fill(self, fill, seed):
        size = self.spectrum.abs()
        if fill == "silence":
            return torch.zeros_like(self.spectrum)
        level = size.square().mean(1).sqrt() if fill == "mean" else size.quantile(QUIET, 1)
        noise = torch.randn(len(self.wave), generator=torch.Generator().manual_seed(seed))
        return level[:, None] * self._stft(noise) / self.window.square().sum().sqrt()

    def without(self, masks: np.ndarray) -> np.ndarray:
        """(N, F, T), true where a patch is taken out -> N waveforms (N, S).

        Where a mask takes out nothing, the waveform is the sound to the bit.
        """
        chosen = torch.from_numpy(masks)[:, self.rows][:, :, self.frames]
        waves = torch.istft(
            self.change * chosen, N_FFT, HOP, window=self.window, length=len(self.wave)
        )
        return (self.wave + waves).numpy()


def _indices(count, parts):
    """(count,) which of `parts` equal parts each of `count` points, ends included, is in."""
    return (torch.arange(count) * parts // max(count - 1, 1)).clamp(max=parts - 1)
