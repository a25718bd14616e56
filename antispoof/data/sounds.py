"""Any sound, as models read it: mono at 16 kHz, with the form that it was in.

A recipe refuses what its config does not allow; here every sound is converted, and says so. Nothing
is kept in the cache of sounds.
"""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

from .. import CONVERSIONS, SAMPLE_RATE
from ..errors import UserError, explain_os_error
from .audio import REFUSALS, read_wave, require_file
from .containers import container_of
from .conversion import convert, require_rate
from .flac import read_header
from .sound_cache import decode_unkept

CHANNELS = 64  # most, of an array


class Sound(NamedTuple):
    """A waveform (S,) float32 at 16 kHz, and what it was made of."""

    name: str  # as an utterance of a data directory
    wave: np.ndarray
    place: str  # for messages
    rate: int = SAMPLE_RATE
    channels: int = 1

    @property
    def samples(self) -> int:
        """How many there are at 16 kHz."""
        return len(self.wave)

    def pieces(self, spans: list[tuple[int, int]]) -> "Iterator[Sound]":
        """Each span (start, stop) of its samples, as a sound."""
        for start, stop in spans:
            yield Sound(f"{self.name}@{start}", self.wave[start:stop], self.place)


def read_sound(path: str | Path, most: float = math.inf) -> Sound:
    """The sound file at `path`, as `read_wave` reads it, of any rate and channels.

    Raises UserError where it is missing or cannot be read, and TooLong where it is a container that
    holds more than `most` seconds, whatever its header says.
    """
    name, place = Path(path).stem, str(path)
    try:
        require_file(place, name)
        if kind := container_of(place):
            decoded = decode_unkept(place, name, kind, CONVERSIONS, most)
            return Sound(name, decoded.wave, place, decoded.rate, decoded.channels)
        return Sound(name, read_wave(place, name, CONVERSIONS), place, *_form(place))
    except OSError as error:
        raise UserError(explain_os_error(error)) from None


def _form(path):
    """(rate, channels) of a file that was read."""
    try:
        form = soundfile.info(path)
    except REFUSALS:  # a FLAC that FFmpeg read
        form = read_header(path)
        return (form.rate, form.channels) if form else (SAMPLE_RATE, 1)
    return form.samplerate, form.channels


def given_sound(samples: Any, rate: Any) -> Sound:
    """The sound of an array (S,) or (S, channels) at `rate` Hz.

    Floats are in [-1, 1]; whole numbers reach to the ends of their type. Raises UserError.
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise UserError(
            f"array: found {array.ndim} axes of {array.dtype}, wanted numbers (samples,) or "
            "(samples, channels)"
        )
    if array.ndim == 2 and not 1 <= array.shape[1] <= CHANNELS:
        raise UserError(
            f"array: found {array.shape[1]} channels, wanted (samples, channels) with 1 to "
            f"{CHANNELS}; transpose it"
        )
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer):
        raise UserError(f"array: found the rate {rate!r}, wanted a whole number of Hz")
    require_rate(int(rate), "array")
    channels = 1 if array.ndim == 1 else array.shape[1]
    if array.dtype.kind in "iu":
        full = 1 << (8 * array.dtype.itemsize - 1)
        array = array / full - (array.dtype.kind == "u")
    array = array[:, 0] if array.ndim == 2 and channels == 1 else array
    wave = convert(array.astype(np.float32), int(rate), "array", "array", CONVERSIONS)
    name = hashlib.sha256(wave.tobytes()).hexdigest()[:16]  # draws rest on it
    return Sound(name, wave, "array", int(rate), channels)
