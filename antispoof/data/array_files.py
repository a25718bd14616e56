"""Files of arrays (.npz): what they state is read before what they hold, and is bounded."""

import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

ARRAYS, NUMBERS, BYTES = 16, 1 << 26, 1 << 28  # most, of a file and what it unpacks to
# What a file provokes in its readers where it is no whole one: numpy reads a head as Python.
DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, SyntaxError, RuntimeError),
    *(MemoryError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def require_arrays(path: str | Path) -> int:
    """How many numbers the arrays in `path` hold, of which the heads alone are read.

    Raises ValueError where one is not as large as it states, or all are too large, and others of
    DAMAGE where they cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > ARRAYS:
            raise ValueError(f"found {len(infos)} arrays, wanted {ARRAYS} at most")
        if (size := sum(info.file_size for info in infos)) > BYTES:
            raise ValueError(f"would unpack to {size} bytes, wanted {BYTES} at most")
        numbers = sum(_numbers(archive, info) for info in infos)
    if numbers > NUMBERS:
        raise ValueError(f"found {numbers} numbers, wanted {NUMBERS} at most")
    return numbers


def _numbers(archive, info):
    """How many numbers an array has, by its head."""
    with archive.open(info) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):  # a later one has a head of any length
            raise ValueError(f"{info.filename} is of a form that numbers do not need")
        shape, _, kind = np.lib.format.read_array_header_1_0(stream)
        start = stream.tell()
    if kind.hasobject:
        raise ValueError(f"{info.filename} holds a pickle, wanted numbers")
    if kind.kind not in "fiu" or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"{info.filename} is of {kind} and {shape}, wanted numbers")
    stated, found = math.prod(shape) * kind.itemsize, info.file_size - start
    if stated != found:
        raise ValueError(f"{info.filename} has {found} bytes, wanted {stated} for {shape}")
    return math.prod(shape)
