"""Entries of Kaldi archives, read so that a table cannot run code.

kaldiio runs `command |` for whoever names it and unpickles an entry that says it is a pickle; here
a place is a file and an offset, and the kind of its entry is checked before anything reads it.
"""

import io
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldiio.matio
import kaldiio.python_wave
import numpy as np

from ..errors import UserError
from ..files import await_file

TWO_BYTE = b"\0BCM2 "  # then struct TWO_BYTE_SIZES, and the rows
TWO_BYTE_SIZES = "<ffii"  # the least value, the range, rows, columns
MATRIX = (b"\0B",)
SOUND = (b"RIFF", b"fLaC", b"AUDIO")
REFUSALS = (  # what kaldiio and soundfile raise for an entry that is cut, or is none
    *(OSError, ValueError, AssertionError, EOFError, RuntimeError, struct.error, MemoryError),
    *(TypeError, ArithmeticError, kaldiio.python_wave.Error),
)


def read_entry(place: str, utt: str, kinds: tuple[bytes, ...]) -> Any:
    """What stands at `place`, `path:offset`: an array, or (rate, samples) where kinds is SOUND.

    kinds: MATRIX or SOUND, the first bytes that the entry may have. Raises UserError naming `place`
    and `utt` where there is no such file, no such entry, or one of another kind.
    """

    def whole(stream, offset):
        stream.seek(offset)
        if not stream.read(max(map(len, kinds))).startswith(kinds):
            raise ValueError("no entry of the wanted kind starts there")
        stream.seek(offset)
        return kaldiio.matio.read_kaldi(stream)

    return _read(place, utt, whole)


def read_rows(place: str, utt: str, span: Callable[[int], tuple[int, int]]) -> np.ndarray:
    """Rows span(count) -> (start, stop) of the matrix of `count` rows at `place`, float32.

    The same bits as those rows of `read_entry`; of a matrix of two-byte numbers, only they are
    read. Raises UserError as `read_entry` does.
    """

    def rows(stream, offset):
        stream.seek(offset)
        header = stream.read(len(TWO_BYTE) + struct.calcsize(TWO_BYTE_SIZES))
        if not header.startswith(TWO_BYTE):
            matrix = read_entry(place, utt, MATRIX)
            return matrix[slice(*span(len(matrix)))]
        least, reach, count, columns = struct.unpack(TWO_BYTE_SIZES, header[len(TWO_BYTE) :])
        start, stop = span(count)
        stream.seek(2 * columns * start, 1)
        numbers = np.frombuffer(stream.read(2 * columns * (stop - start)), "<u2")
        matrix = numbers.reshape(stop - start, columns).astype(np.float32)
        matrix *= reach  # each step rounds as kaldiio's does
        matrix /= 65535.0
        matrix += least
        return matrix

    return _read(place, utt, rows)


def as_stored(matrix: np.ndarray, compression: int | None) -> np.ndarray:
    """A matrix (T, D) float32 as it is read from an archive that it was written to."""
    block = io.BytesIO()
    kaldiio.save_ark(block, {"-": matrix}, compression_method=compression)
    block.seek(len("- "))
    return kaldiio.matio.read_kaldi(block)


def _read(place, utt, read):
    """read(stream, offset) of the archive that `place` names, with every failure in one line."""
    try:
        return _read_now(place, utt, read)
    except FileNotFoundError:
        await_file(place.rpartition(":")[0])
    try:
        return _read_now(place, utt, read)
    except FileNotFoundError:
        raise UserError(f"{place}: {utt}: no such archive; run the stage that makes it") from None


def _read_now(place, utt, read):
    """The same, where a file that is not there is a FileNotFoundError."""
    path, _, offset = place.rpartition(":")
    if not path or not offset.isdigit():
        raise UserError(f"{place}: {utt}: wanted `path:offset` of an archive; never a pipe")
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a FIFO would wait for ever
            raise ValueError("not a regular file")
        with open(path, "rb") as stream:
            return read(stream, int(offset))
    except FileNotFoundError:
        raise
    except REFUSALS as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{place}: {utt}: cannot be read ({reason}); was it cut or moved?"
        ) from None
