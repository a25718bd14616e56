"""MP3, MP4 (also M4A, also named .dat), WebM: decoded by FFmpeg through PyAV, by what a file holds.

libsndfile opens no MP4, and counts the samples of many an MP3 wrongly. The name of a file says
nothing: an MP4 may be called .dat, an MP3 .wav. FFmpeg is given the one form that was found: it
guesses none, and follows no list of other files.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import UserError

MPEG_IN_WAV = 0x55  # the coding of a WAV that holds MP3
LOST = 0.1  # seconds that may be missing: an MP3 may hold what is no frame
EBML = b"\x1a\x45\xdf\xa3"  # how a WebM begins, as browsers record
HEAD = 64  # bytes that tell the form


class TooLong(UserError):
    """A sound that lasts longer than its reader takes."""


class Form(NamedTuple):
    """What a container's header says."""

    rate: int
    channels: int
    samples: int  # at `rate`; 0 where nothing says it


def container_of(path: str | Path) -> str | None:
    """FFmpeg's name for the container at `path`, or None where libsndfile is to read it."""
    with open(path, "rb") as stream:
        head = stream.read(HEAD)
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(EBML):
        return "matroska"
    if head.startswith(b"ID3") or _is_frame(head):
        return "mp3"
    coding = head[20:22] if head[:4] == b"RIFF" and head[12:16] == b"fmt " else b""
    return "wav" if int.from_bytes(coding, "little") == MPEG_IN_WAV else None


def _is_frame(head):
    """Whether an MP3 frame begins there: 11 bits, a version, layer III, a bit rate and a rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer == 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3


def form_of(path: str, utt: str, kind: str, data: bytes) -> Form:
    """The Form of the container of `kind` that `data` holds. Raises UserError where it has none."""
    return _within(path, utt, kind, data, lambda container, stream: _form(kind, data, stream))


def decode(
    path: str, utt: str, kind: str, data: bytes, most: float = math.inf
) -> tuple[np.ndarray, int]:
    """Decode the container of `kind` that `data` holds: (samples, rate).

    samples: float32, (S, channels). Raises TooLong once it lasts more than `most` seconds, and
    UserError where FFmpeg cannot decode it, where more than LOST seconds of it are damaged or, by
    what its header says, missing, or its form changes.
    """

    def read(container, stream):
        form = _form(kind, data, stream)
        parts, lost, count = [], 0.0, 0
        for frames, seconds in packets_of(container, stream):
            lost += seconds or 0.0
            parts += [_array(frame, form) for frame in frames]
            count += sum(frame.samples for frame in frames)
            if count > most * form.rate:
                raise TooLong(f"{path}: {utt}: lasts more than {most:g} s")
        return (np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)), form, lost

    samples, form, lost = _within(path, utt, kind, data, read)
    problem = _stated(kind, data)
    if not problem and form.samples - len(samples) > (0 if kind == "mp3" else LOST * form.rate):
        problem = f"found {len(samples)} samples, its header says {form.samples}; truncated?"
    if not problem and lost > (0 if kind == "mov" else LOST):
        problem = f"{lost:.2f} s of it cannot be decoded; truncated or damaged?"
    if problem:
        raise UserError(f"{path}: {utt}: {problem}")
    return samples, form.rate


def _within(path, utt, kind, data, read):
    """read(container, stream) of FFmpeg, with every failure in one line."""
    try:
        import av  # late: most sounds need none

        with av.open(io.BytesIO(data), "r", format=kind) as container:
            if not container.streams.audio:
                raise UserError(f"{path}: {utt}: holds no sound; take it out of the tables")
            return read(container, container.streams.audio[0])
    except ImportError as error:
        raise UserError(
            f"{path}: {utt}: PyAV, which may read it, is missing ({error}); run tools/setup.sh"
        ) from None
    except (OSError, ValueError, EOFError, MemoryError) as error:  # PyAV's are among them
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: {utt}: cannot be decoded (FFmpeg: {reason}); truncated, or not a sound file?"
        ) from None


def _form(kind, data, stream) -> Form:
    known = kind == "mov" or (kind == "mp3" and _xing(data) is not None)
    seconds = float(stream.duration * stream.time_base) if known and stream.duration else 0.0
    if not stream.rate or not stream.channels:
        raise ValueError("its header gives no rate")
    return Form(stream.rate, stream.channels, round(seconds * stream.rate))


def packets_of(container: Any, stream: Any) -> Iterator[tuple[list[Any], float | None]]:
    """(frames, None) of each packet, or ([], its seconds) where it cannot be decoded."""
    import av

    for packet in container.demux(stream):
        try:
            yield packet.decode(), None
        except av.InvalidDataError:
            yield [], float((packet.duration or 0) * packet.time_base)


def _array(frame, form):
    """(S, channels) float32 of a frame. Raises ValueError where the form changes."""
    found = frame.sample_rate, len(frame.layout.channels)
    if found != (form.rate, form.channels):
        raise ValueError(
            f"{found[0]} Hz and {found[1]} channels after {form.rate} Hz and {form.channels}"
        )
    part = frame.to_ndarray()
    part = part.T if frame.format.is_planar else part.reshape(-1, form.channels)
    if part.dtype.kind != "f":
        part = part / np.float32(1 << (8 * part.dtype.itemsize - 1))
    return part.astype(np.float32)


def _xing(data):
    """(flags, what follows) of the header that an MP3's first frame may hold, or None."""
    start = 0
    if data[:3] == b"ID3":  # its size: four times seven bits
        size = 0
        for byte in data[6:10]:
            size = size << 7 | byte & 127
        start = 10 + size
    first = data[start : start + 200]
    places = [place for place in map(first.find, (b"Xing", b"Info")) if place >= 0]
    if not places:
        return None
    body = first[min(places) + 4 :]
    return int.from_bytes(body[:4], "big"), body[4:]


def _stated(kind, data):
    """What is wrong with the count of bytes that an MP3's first frame may give, or nothing."""
    header = _xing(data) if kind == "mp3" else None
    if header is None or not header[0] & 2:
        return None
    place = 4 if header[0] & 1 else 0
    wanted = int.from_bytes(header[1][place : place + 4], "big")
    lost = wanted - len(data)
    return f"lacks {lost} bytes of {wanted} that its header says; truncated?" if lost > 0 else None
