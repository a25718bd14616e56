"""Weights in the binary form of CTranslate2: a header, then named arrays. Nothing in it can run.

All numbers are little-endian. A text is a uint16 of its bytes, the NUL at its end among them, and
these bytes. The file: uint32 6, the form's version; the text of what it specifies; uint32 revision;
uint32 arrays. Of each array: the text of its name; uint8 axes; uint32 for each axis; uint8 type;
uint32 bytes; the bytes. Then uint32 aliases, and of each the texts of its name and of an array's.
"""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import UserError

VERSION = 6
TYPES = tuple(np.dtype(name) for name in ("<f4", "i1", "<i2", "<i4", "<f2"))  # by their number
MOST_AXES = 8


class _Damaged(Exception):
    """What is wrong with a file."""


def read_arrays(
    path: str | Path, specification: str, wanted: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """{name: array} of the arrays whose name is `wanted`, each as it is stored.

    Raises UserError for any file but a whole one that holds `specification`.
    """
    try:
        return _arrays(_Bytes(Path(path).read_bytes()), specification, wanted)
    except _Damaged as damage:
        raise UserError(f"{path}: {damage}; fetch the file again") from None


class _Bytes:
    """Reads from the front of some bytes, and never beyond their end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def skip(self, count):
        """Where the next `count` bytes begin."""
        left = len(self.data) - self.at
        if count > left:
            raise _Damaged(f"byte {self.at}: found {left} bytes, wanted {count}")
        self.at += count
        return self.at - count

    def number(self, kind):
        return struct.unpack_from(f"<{kind}", self.data, self.skip(struct.calcsize(kind)))[0]

    def text(self):
        size = self.number("H")
        start = self.skip(size)
        found = self.data[start : start + size]
        if found[-1:] != b"\0" or not found[:-1].isascii():
            raise _Damaged(f"byte {start}: found {found[:40]!r}, wanted a text of ASCII and a NUL")
        return found[:-1].decode("ascii")


def _arrays(source, specification, wanted):
    if (version := source.number("I")) != VERSION:
        raise _Damaged(f"found version {version}, wanted CTranslate2's {VERSION}")
    if (found := source.text()) != specification:
        raise _Damaged(f"found a {found[:40]}, wanted a {specification}")
    source.number("I")
    arrays = {}
    for _ in range(source.number("I")):
        name, array = source.text(), _array(source)
        if name in arrays:
            raise _Damaged(f"found {name} twice, wanted it once")
        if wanted(name):
            arrays[name] = array
    for _ in range(source.number("I")):
        source.text(), source.text()
    if left := len(source.data) - source.at:
        raise _Damaged(f"found {left} bytes behind its end, wanted none")
    return arrays


def _array(source):
    """The array behind a name, a view of the file's bytes."""
    if (axes := source.number("B")) > MOST_AXES:
        raise _Damaged(f"byte {source.at}: found {axes} axes, wanted {MOST_AXES} at most")
    shape = [source.number("I") for _ in range(axes)]
    if (kind := source.number("B")) >= len(TYPES):
        raise _Damaged(f"byte {source.at}: found type {kind}, wanted {len(TYPES) - 1} at most")
    size, count = source.number("I"), math.prod(shape)
    if size != count * TYPES[kind].itemsize:
        raise _Damaged(
            f"byte {source.at}: found {size} bytes for {count} numbers of {TYPES[kind].itemsize}"
        )
    return np.frombuffer(source.data, TYPES[kind], count, source.skip(size)).reshape(shape)
