"""Noises and room responses from folders of sound files, e.g. MUSAN and RIRS_NOISES.

Any folder will do: every sound file below it, in order. `under` names the parts to use, e.g.
`under: [noise, music]` of MUSAN. A folder that holds `real_rirs_isotropic_noises`, as RIRS_NOISES
does, mixes responses and noises; its names distinguish them.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..errors import UserError
from .checks import require, require_range
from .waveform import uniform

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus", ".sph"}


@dataclass(frozen=True)
class Noise:
    """A noise from `folder`, or white noise where it is empty, is added at a drawn ratio."""

    folder: str = ""
    under: tuple = ()
    snr: tuple = (5, 20)  # dB, over the whole utterance

    def __post_init__(self) -> None:
        require_range("snr", self.snr)
        if self.folder:
            recordings(self.folder, tuple(self.under), "noise")

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        drawn = {"snr": uniform(rng, self.snr)}
        if not self.folder:
            return {**drawn, "noise": rng.standard_normal(length, np.float32)}
        files = recordings(self.folder, tuple(self.under), "noise")
        name = files[rng.integers(len(files))]
        room = max(0, _frames(f"{self.folder}/{name}") - length)
        return {**drawn, "file": name, "start": int(rng.integers(room + 1))}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        noise = drawn.get("noise")
        if noise is None:
            noise = _read(f"{self.folder}/{drawn['file']}", drawn["start"], len(wave))
            noise = np.resize(noise, len(wave))  # a short one again and again
        loud, found = np.linalg.norm(wave), np.linalg.norm(noise)
        if not found:
            return wave
        return wave + np.float32(loud / found / 10 ** (drawn["snr"] / 20)) * noise


@dataclass(frozen=True)
class Reverb:
    """A room response from `folder`: the direct sound stays in its place, the energy the same."""

    folder: str = ""
    under: tuple = ()

    def __post_init__(self) -> None:
        require(self.folder, "folder", repr(self.folder), "a folder of room responses")
        recordings(self.folder, tuple(self.under), "response")

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        files = recordings(self.folder, tuple(self.under), "response")
        return {"file": files[rng.integers(len(files))]}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        from scipy.signal import fftconvolve  # late: costs a second

        response = _read(f"{self.folder}/{drawn['file']}")
        start = int(np.abs(response).argmax())
        wet = fftconvolve(wave, response)[start : start + len(wave)]
        found = np.linalg.norm(wet)
        return (wet * (np.linalg.norm(wave) / found if found else 0)).astype(np.float32)


@functools.cache
def recordings(folder: str, under: tuple[str, ...], what: str) -> list[str]:
    """Relative paths of the sound files of `folder`, sorted; what: noise or response.

    Raises UserError where there are none.
    """
    root = Path(folder)
    paths = [p for part in under or ("",) for p in (root / str(part)).rglob("*") if _is_sound(p)]
    names = sorted({str(path.relative_to(root)) for path in paths})
    mixed = any("real_rirs_isotropic_noises" in name for name in names)
    if mixed:
        names = [name for name in names if (what == "noise") == _is_noise(name)]
    if not names:
        parts = f" under {', '.join(under)}" if under else ""
        raise UserError(f"{folder}: holds no sound file{parts}; wanted a folder of {what}s")
    return names


def _is_sound(path):
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _is_noise(name):
    return "pointsource_noises" in name or "_noise_" in name


def _frames(path):
    return _open(path, lambda sound: sound.frames)


def _read(path, start=0, count=-1):
    """The first channel of `path`, float32."""

    def read(sound):
        sound.seek(start)
        return sound.read(count, dtype="float32", always_2d=True)[:, 0]

    samples = _open(path, read)
    if not len(samples) or not np.isfinite(samples).all():
        raise UserError(f"{path}: holds no sample, or not a finite one; take it out of the folder")
    return samples


def _open(path, action):
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.samplerate != SAMPLE_RATE:
                raise UserError(
                    f"{path}: found {sound.samplerate} Hz, wanted {SAMPLE_RATE} Hz; resample it"
                )
            return action(sound)
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path}: cannot be decoded ({error}); take it out of the folder") from None
