"""Sounds that are decoded, converted or cut once, and kept as FLACs of 16 kHz mono.

An MP3 or MP4 is slow to decode, and a model reads it in each epoch. What is made of a sound is
found again by the SHA-256 of its bytes: a corpus may be moved or linked, and a file that was
replaced under its name, with its size and time, gives another key. A read costs a pass over a file
that is small since it is compressed. The key also names PyAV's version and the conversion's, so
that a cache never holds another sound than this environment makes.

What is kept has 24 bits, is compared with what it was written from before it gets its name, and
each frame has a checksum that every read looks at; a file that was damaged since is made again.
"""

import hashlib
import importlib.metadata
import logging
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..errors import UserError
from ..files import atomic_path
from ..paths import cache_folder
from .containers import decode, form_of
from .conversion import convert, require_allowed

LOG = logging.getLogger(__name__)
VERSION = 1  # of what is made of a sound's bytes
SCALE = 1 << 23  # of 24 bits


class Decoded(NamedTuple):
    """A sound of 16 kHz mono, and the form that it was in."""

    wave: np.ndarray  # (S,) float32
    rate: int
    channels: int


def read_container(path: str, utt: str, kind: str, allow: Collection[str]) -> np.ndarray:
    """(S,) float32 mono at 16 kHz of a container, which is decoded once. Raises UserError."""
    return _kept(*_container(path, utt, kind, allow))[1]


def container_place(path: str, utt: str, kind: str, allow: Collection[str]) -> Path:
    """The file of the cache that `read_container` reads. Raises UserError."""
    return _kept(*_container(path, utt, kind, allow))[0]


def place_of(data: bytes, part: str = "whole") -> Path:
    """Where the cache keeps what is made of a sound of these bytes."""
    key = hashlib.sha256(data).hexdigest()
    made_by = f"{VERSION}-av{importlib.metadata.version('av')}"
    return cache_folder().absolute() / "sounds" / made_by / key[:2] / key / f"{part}.flac"


def decode_unkept(
    path: str, utt: str, kind: str, allow: Collection[str], most: float = math.inf
) -> Decoded:
    """The sound of a container as `read_container` gives it, with nothing written to the cache.

    Raises UserError, TooLong where it lasts more than `most` seconds.
    """
    samples, rate = decode(path, utt, kind, Path(path).read_bytes(), most)
    wave = _converted(samples, rate, path, utt, allow)
    return Decoded((_rounded(wave) / SCALE).astype(np.float32), rate, samples.shape[1])


def keep(place: Path, samples: np.ndarray, note: str, path: str, utt: str) -> np.ndarray:
    """Write samples (S,) at 16 kHz to `place`; returns them as they are read from there.

    note: what stands in the file's comment. Raises UserError where the cache cannot be written, or
    reads as something else.
    """
    numbers = _rounded(samples) << 8
    try:
        with atomic_path(place) as temporary:
            options = {"format": "FLAC", "subtype": "PCM_24"}
            with soundfile.SoundFile(temporary, "w", SAMPLE_RATE, 1, **options) as sound:
                sound.comment = note
                sound.write(numbers)
            if not np.array_equal(soundfile.read(temporary, dtype="int32")[0], numbers):
                raise UserError(f"{place}: {utt}: reads as another sound; is the disk sound?")
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{place}: {utt}: cannot be written ({reason}); wanted room for what is made of "
            f"{path}, or another folder: --cache DIR"
        ) from None
    return soundfile.read(place, dtype="float32")[0]


def _rounded(samples):
    """Samples as whole numbers of 24 bits."""
    numbers = np.rint(samples.astype(np.float64) * SCALE)
    return np.clip(numbers, -SCALE, SCALE - 1).astype(np.int32)


def _converted(samples, rate, path, utt, allow):
    """(S, channels) at `rate` Hz -> (S',) mono at 16 kHz."""
    return convert(samples[:, 0] if samples.shape[1] == 1 else samples, rate, path, utt, allow)


def find(place: Path) -> tuple[str, np.ndarray] | None:
    """(note, samples) of what `keep` wrote, or None where it is not there or is damaged."""
    if not place.is_file():
        return None
    try:
        with soundfile.SoundFile(place) as sound:
            note, samples = sound.comment, sound.read(dtype="float32")
            if sound.samplerate == SAMPLE_RATE and len(samples) == sound.frames:
                return note, samples
    except (soundfile.SoundFileError, OSError, ValueError):
        pass
    LOG.warning(f"{place}: is damaged; made again")
    return None


def _container(path, utt, kind, allow):
    """(its place, its form as a note, how it is made, path, utt), with what is allowed checked."""
    data = Path(path).read_bytes()

    def make():
        samples, rate = decode(path, utt, kind, data)
        return _converted(samples, rate, path, utt, allow)

    def check(note):
        if note is None:
            form = form_of(path, utt, kind, data)
            note = f"{form.channels} {form.rate}"
        channels, rate = note.split()
        require_allowed(int(channels), int(rate), path, utt, allow)
        return note

    return place_of(data), check, make, path, utt


def _kept(
    place: Path,
    check: Callable[[str | None], str],
    make: Callable[[], np.ndarray],
    path: str,
    utt: str,
) -> tuple[Path, np.ndarray]:
    """(place, samples): found there, or made and kept."""
    found = find(place)
    note = check(found[0] if found else None)
    return place, found[1] if found else keep(place, make(), note, path, utt)
