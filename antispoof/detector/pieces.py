"""Sounds read piece by piece: long ones, and forms that a recipe does not read.

FFmpeg is given the one form that the first bytes of a file show. It guesses none from a name, and
follows no list of other files.
"""

import itertools
import math
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..data.audio import REFUSALS, require_whole
from ..data.containers import container_of, packets_of
from ..data.conversion import require_rate, resample
from ..errors import UserError

BLOCK = 1 << 16  # samples that are read at once
TAPS = 10  # half the length of a resampling filter, in periods of the lower rate; scipy's
HEAD = 512  # bytes that tell the form
MAGIC = {  # what stands at a place of a file, and FFmpeg's name for the form
    (0, b"\x1a\x45\xdf\xa3"): "matroska",  # also webm
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"): "asf",  # wma, wmv
    (0, b"#!AMR"): "amr",
    (0, b"FLV\x01"): "flv",
    (0, b"wvpk"): "wv",
    (0, b"MAC "): "ape",
    (0, b"TTA1"): "tta",
    (0, b"caff"): "caf",
    (0, b"OggS"): "ogg",
    (0, b"\x00\x00\x01\xba"): "mpeg",
    (0, b"\x0b\x77"): "ac3",
    (4, b"moov"): "mov",
    (4, b"mdat"): "mov",
    (4, b"wide"): "mov",
    (8, b"AVI "): "avi",
    (8, b"WAVE"): "wav",
    (8, b"AIFF"): "aiff",
    (8, b"AIFC"): "aiff",
}


class Form(NamedTuple):
    """A file that is open: its rate, its channels, seconds by its header (0: not said)."""

    rate: int
    channels: int
    seconds: float


def kind_of(path: str | Path) -> str | None:
    """FFmpeg's name for the form of the file at `path`, or None where nothing shows one."""
    if kind := container_of(path):
        return kind
    with open(path, "rb") as stream:
        head = stream.read(HEAD)
    for (place, word), kind in MAGIC.items():
        if head.startswith(word, place):
            return kind
    if head[:1] == head[188:189] == head[376:377] == b"\x47":
        return "mpegts"
    is_aac = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return "aac" if is_aac else None


def blocks_of(path: str, name: str) -> tuple[Form, Generator[np.ndarray]]:
    """The form of a sound file, and its samples as blocks (S, channels) float32.

    libsndfile reads it, or else FFmpeg, by the form that its first bytes show. Raises UserError
    where neither can, at once or when the blocks are read.
    """
    kind = container_of(path)
    if not kind:
        try:
            sound = soundfile.SoundFile(path)
            seconds = sound.frames / sound.samplerate
            return Form(sound.samplerate, sound.channels, seconds), _by_sndfile(sound, path, name)
        except REFUSALS as error:
            kind = kind_of(path)
            if not kind:
                raise _refused(path, name, str(error).rstrip(".").split(": ")[-1]) from None
    blocks = _by_ffmpeg(path, name, kind)
    form: Any = next(blocks)
    return form, blocks


def _by_sndfile(sound, path, name):
    count = 0
    with sound:
        try:
            require_whole(path, name)
            for block in sound.blocks(BLOCK, dtype="float32", always_2d=True):
                count += len(block)
                yield block
        except REFUSALS as error:
            raise _refused(path, name, error) from None
        if count != sound.frames:
            raise UserError(
                f"{path}: {name}: found {count} samples, its header says {sound.frames}; truncated?"
            )


def _by_ffmpeg(path, name, kind) -> Generator[Any]:
    """The Form, then the blocks."""
    try:
        import av  # late: most sounds need none

        with open(path, "rb") as file, av.open(file, "r", format=kind) as container:
            if not container.streams.audio:
                raise UserError(f"{path}: {name}: holds no sound, wanted one; is it a silent film?")
            stream = container.streams.audio[0]
            frames = _frames(container, stream, path, name)
            first = next(frames, None)
            if first is None:
                raise UserError(f"{path}: {name}: holds no sample, wanted a sound")
            form = first.sample_rate, len(first.layout.channels)
            yield Form(*form, float((container.duration or 0) / 1e6))
            yield from _joined(_array(frame, form) for frame in itertools.chain([first], frames))
    except ImportError as error:
        raise UserError(f"{path}: {name}: PyAV is missing ({error}); run tools/setup.sh") from None
    except (OSError, ValueError, EOFError, MemoryError) as error:  # PyAV's are among them
        raise _refused(path, name, f"FFmpeg: {getattr(error, 'strerror', None) or error}") from None


def _frames(container, stream, path, name):
    """Each frame; a damaged packet is left out, and more than one in ten is refused."""
    good = bad = 0
    for frames, lost in packets_of(container, stream):
        yield from frames
        good, bad = good + (lost is None), bad + (lost is not None)
    if bad * 10 > good:
        raise UserError(
            f"{path}: {name}: {bad} of {good + bad} packets cannot be decoded; truncated?"
        )


def _array(frame, form):
    """(S, channels) float32 of a frame. Raises ValueError where the form changes."""
    found = frame.sample_rate, len(frame.layout.channels)
    if found != form:
        raise ValueError(f"its form changes: {found} after {form}")
    part = frame.to_ndarray()
    part = part.T if frame.format.is_planar else part.reshape(-1, form[1])
    if part.dtype == np.uint8:  # which has no sign
        part = part.astype(np.float32) / 128 - 1
    elif part.dtype.kind != "f":
        part = part / np.float32(1 << (8 * part.dtype.itemsize - 1))
    return part.astype(np.float32)


def _joined(parts):
    """The same samples in blocks of BLOCK or more."""
    held: list[np.ndarray] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= BLOCK:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def mono(blocks: Iterable[np.ndarray], rate: int, place: str) -> Iterator[np.ndarray]:
    """Blocks (S, channels) at `rate` Hz as blocks (S',) at 16 kHz; the whole is that of `convert`.

    Raises UserError where the rate is none of a sound, or a sample is not finite.
    """
    require_rate(rate, place)
    return resampled((_mixed(block, place) for block in blocks), rate)


def _mixed(block, place):
    if not np.isfinite(block).all():
        raise UserError(f"{place}: found a sample that is no number, wanted finite samples")
    return block[:, 0] if block.shape[1] == 1 else block.mean(1)


def resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Blocks (S,) at `rate` Hz as blocks at 16 kHz, as `resample` makes them of the whole.

    A block is resampled with as many samples on both sides as the filter reaches.
    """
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    common = math.gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // common, rate // common
    reach = down * (-(-TAPS * max(up, down) // (up * down)) + 1)  # samples, a multiple of down
    held, behind = np.zeros(0, np.float32), 0  # what is not done, after `behind` that are
    for block in blocks:
        held = np.concatenate([held, block])
        ready = (len(held) - behind - reach) // down * down
        if ready < max(reach, down):
            continue
        made = resample(held[: behind + ready + reach], rate)
        yield made[behind // down * up : (behind + ready) // down * up]
        keep = min(behind + ready, reach)
        held, behind = held[behind + ready - keep :], keep
    yield resample(held, rate)[behind // down * up :] if len(held) else held


def excerpts(
    blocks: Iterable[np.ndarray], spans: Iterable[tuple[int, int]]
) -> Iterator[np.ndarray]:
    """Each span (start, stop) of the sound that `blocks` are, in order of their starts.

    No more is in memory than a span and a block.
    """
    source, held, first = iter(blocks), np.zeros(0, np.float32), 0  # held begins at `first`
    for start, stop in spans:
        while first + len(held) < stop:
            block = next(source, None)
            if block is None:
                break
            gone = min(max(start - first, 0), len(held))
            held, first = np.concatenate([held[gone:], block]), first + gone
        yield held[max(start - first, 0) : stop - first].copy()


def _refused(path, name, reason):
    return UserError(
        f"{path}: {name}: cannot be decoded ({reason}); truncated, or not a sound file?"
    )
