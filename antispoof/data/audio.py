"""Reading sound files, and saying what is wrong with a bad one."""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..errors import UserError
from .containers import container_of
from .conversion import convert
from .data_dir import is_pipe
from .flac import read_flac, read_header
from .sound_cache import read_container

# TypeError: of a headerless .raw; ValueError: no length; MemoryError: more than there is room for
REFUSALS = (soundfile.SoundFileError, OSError, TypeError, ValueError, MemoryError)
PCM = (0x0001, 0xFFFE)  # codings of a WAV: plain, and with more in its header
UNKNOWN = 0x7FFF0000  # sizes from here on stand in the header of a WAV that was written to a pipe


def read_wave(path: str, utt: str, allow: Collection[str] = ()) -> np.ndarray:
    """Read one utterance as float32 mono in [-1, 1], shape (samples,), at 16 kHz.

    `path` is a sound file that libsndfile reads, a FLAC that FFmpeg reads, an MP3 or MP4, which is
    decoded once into the cache, or Kaldi's `ark:offset` of a wave archive; never a pipe. `allow`
    names which of CONVERSIONS may be made. A WAV that was streamed is read to its end where its
    header gives a size from UNKNOWN on; it is refused where the size is 0, and in an archive, where
    nothing says where it ends. Raises UserError naming `utt` and `path` where the sound is missing,
    empty, truncated, not a sound, not finite, or, unless that is allowed, not mono or at another
    rate.
    """
    if is_pipe(path):
        raise UserError(f"{path}: {utt}: is a shell pipe, which is never run; wanted a sound file")
    if re.search(r":\d+$", path):
        samples, rate = _read_ark(path, utt)
        return convert(samples, rate, path, utt, allow)
    require_file(path, utt)
    if kind := container_of(path):
        return read_container(path, utt, kind, allow)
    samples, rate = _read_file(path, utt)
    return convert(samples, rate, path, utt, allow)


def require_length(wave: np.ndarray, seconds: float, path: str | Path, utt: str) -> None:
    """Raise UserError unless `wave`, at 16 kHz, lasts as long as utt2dur says, to 10 ms.

    So each stage that reads a sound notices one that was replaced by another length since stage 1.
    """
    found = len(wave) / SAMPLE_RATE
    if not abs(found - seconds) <= 0.01:
        raise UserError(
            f"{path}: {utt}: lasts {found:.2f} s, utt2dur says {seconds:g}; was the sound "
            "replaced? bring it back, or correct utt2dur"
        )


def require_file(path: str | Path, utt: str) -> None:
    """Raise UserError unless `path` is a regular file that holds something."""
    if not Path(path).exists() or Path(path).is_dir():
        raise UserError(f"{path}: {utt}: no such file; fix wav.scp or bring the file back")
    if not Path(path).is_file():  # opening a FIFO would wait for ever
        raise UserError(f"{path}: {utt}: is not a regular file; wanted a sound file")
    if Path(path).stat().st_size == 0:
        raise UserError(f"{path}: {utt}: the file is empty; fetch or make it again")


def require_whole(path: str | Path, utt: str) -> None:
    """Raise UserError where `path` is a WAV that ends before its header says, or says no size."""
    with open(path, "rb") as stream:
        _require_whole_wav(stream, path, utt)


def _read_file(path, utt):
    try:
        with soundfile.SoundFile(path) as sound:
            samples, rate, frames = sound.read(dtype="float32"), sound.samplerate, sound.frames
        require_whole(path, utt)
    except REFUSALS as error:
        reason = str(error).rstrip(".").split(": ")[-1] or type(error).__name__
        header = read_header(path)
        if header:
            return read_flac(path, utt, header, reason)
        raise UserError(
            f"{path}: {utt}: cannot be decoded ({reason}); truncated, or not a sound file?"
        ) from None
    if len(samples) != frames:
        raise UserError(
            f"{path}: {utt}: found {len(samples)} samples, its header says {frames}; truncated?"
        )
    return samples, rate


def _read_ark(place, utt):
    from .ark import SOUND, read_entry

    rate, samples = read_entry(place, utt, SOUND)
    path, _, offset = str(place).rpartition(":")
    with open(path, "rb") as stream:
        stream.seek(int(offset))
        _require_whole_wav(stream, place, utt, archived=True)
    if samples.dtype.kind in "iu":
        full = float(1 << (8 * samples.dtype.itemsize - 1))
        samples = samples / full - (samples.dtype.kind == "u")  # eight bits have no sign
    return samples.astype(np.float32), rate


def _require_whole_wav(stream, place, utt, archived=False):
    """Refuse a WAV that ends before its data; libsndfile and kaldiio read what there is of it.

    In an archive, also one of a coding that kaldiio would take for PCM, or without an end.
    """
    for name, size in _chunks(stream):
        here, tag = stream.tell(), int.from_bytes(stream.read(2), "little")
        if archived and name == b"fmt " and tag not in PCM:
            raise UserError(
                f"{place}: {utt}: found a WAV of coding {tag}, wanted PCM in an archive"
            )
        if name != b"data":
            continue
        if archived and size >= UNKNOWN:
            raise UserError(
                f"{place}: {utt}: its header gives no size, as of a stream; wanted a WAV with its "
                "size in an archive"
            )
        lost = here + size - stream.seek(0, 2)
        if lost > 0 and size < UNKNOWN:
            raise UserError(
                f"{place}: {utt}: lacks {lost} bytes of {size} that its header says; truncated?"
            )
        if size == 0 and lost < 0 and not archived:
            raise UserError(
                f"{place}: {utt}: its header says 0 bytes of samples, and {-lost} follow; "
                "streamed? write it again, e.g. by sox"
            )


def _chunks(stream):
    """(name, size) of each chunk of a WAV up to its samples, with `stream` at what it holds."""
    if stream.read(12)[:4] != b"RIFF":
        return
    while len(head := stream.read(8)) == 8:
        name, size, here = head[:4], int.from_bytes(head[4:], "little"), stream.tell()
        yield name, size
        if name == b"data":
            return
        stream.seek(here + size + size % 2)
