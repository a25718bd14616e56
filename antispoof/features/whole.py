"""Whether cached features are what stage 2 wrote: every entry against key, layer, sum and shape.

What reads a set checks the layers that it reads, once: a note, layer07/.whole, holds a hash of the
tables and of each archive's size and time, and spares the next worker while these stay the same. A
disk that changes bytes without a trace in a file's time is found by utils/check_feats.py alone.
"""

import contextlib
import hashlib
import os
import stat
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..data.ark import MATRIX, read_entry
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..files import atomic_open, await_file
from ..progress import Progress
from .archive import checksum, layer_folders, layer_name

NOTE = ".whole"
TABLES = ("utt2sum", "utt2num_frames")
FLOATS = {b"FM": 4, b"DM": 8}  # kind of matrix: bytes of a number
# kind: (bytes before the numbers, bytes for each column) of kaldiio's compressed matrices
SMALL = {b"CM ": (21, 8, 1), b"CM2": (22, 0, 2), b"CM3": (22, 0, 1)}
LONGEST_HEADER = 22


def require_whole(folder: str | Path, layers: Iterable[int]) -> None:
    """Raise UserError where a matrix of `layers` in a set's `folder` is not what stage 2 wrote.

    Features of other programs, without a sum, are let pass.
    """
    folder = Path(folder)
    if not (folder / "utt2sum").is_file():
        if not (folder / "config.yaml").is_file():  # stage 2 did not make it
            return
        await_file(folder / "utt2sum")
        if not (folder / "utt2sum").is_file():
            raise UserError(
                f"{folder}/utt2sum: no such file, wanted a checksum of each matrix; "
                f"remove {folder}, run stage 2"
            )
    for layer in layers:
        place = folder / layer_name(layer)
        state = _state_of(place)
        with contextlib.suppress(FileNotFoundError):
            if (place / NOTE).read_text("utf-8", "replace") == state:
                continue
        sums, frames = read_sums(folder)
        progress = Progress(len(frames), "matrices", f"check {place}")
        check_layer(place, sums[place], frames, progress.advance)
        progress.close()
        if state == _state_of(place):
            with contextlib.suppress(OSError), atomic_open(place / NOTE) as stream:
                stream.write(state)  # not where the features may only be read


def archives_of(place: Path) -> list[str]:
    """The archives that a layer's table names, sorted. Raises UserError for what is no place."""
    table = read_table(place / "feats.scp")
    return sorted({_split_place(*entry)[0] for entry in table.items()})


def _state_of(place):
    """Hex SHA-256 of a layer's tables, and of the size and the time of each of its archives."""
    digest = hashlib.sha256()
    tables = [place / "feats.scp", *(place.parent / name for name in TABLES)]
    for table in tables:
        digest.update(table.read_bytes() + b"\n")
    for path in archives_of(place):
        with contextlib.suppress(OSError):  # check_layer names it
            found = os.stat(path)
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def read_sums(folder: Path) -> tuple[dict[Path, dict[str, str]], dict[str, str]]:
    """({layer's folder: {utterance: sum}}, {utterance: frames}) of a set. Raises UserError."""
    sums, frames = read_table(folder / "utt2sum"), read_table(folder / "utt2num_frames")
    require_same_keys(sums, frames, f"{folder}/utt2sum", f"{folder}/utt2num_frames")
    layers = layer_folders(folder)
    rows = {utt: line.split() for utt, line in sums.items()}
    for utt, row in rows.items():
        if len(row) != len(layers):
            raise UserError(
                f"{folder}: has {len(layers)} layers, utt2sum tells of {len(row)} for {utt}; "
                f"remove {folder}, run stage 2"
            )
        if not frames[utt].isdecimal():
            raise UserError(f"{folder}/utt2num_frames: {utt}: found '{frames[utt]}', wanted frames")
    return {place: {u: row[n] for u, row in rows.items()} for n, place in enumerate(layers)}, frames


def check_layer(
    folder: Path,
    sums: dict[str, str],
    frames: dict[str, str],
    advance: Callable[[], object],
    finite: bool = False,
) -> None:
    """Compare every matrix of one layer with its key, its checksum and its number of frames.

    sums, frames: {utterance: text}; finite: whether its numbers are looked at too. Calls
    `advance()` after each. Raises UserError naming the first utterance that is missing, damaged,
    of another shape than the others, or not finite.
    """
    places = read_table(folder / "feats.scp")
    require_same_keys(sums, places, f"{folder.parent}/utt2sum", f"{folder}/feats.scp")
    archives: dict[str, list] = {}
    wrong: dict[str, str] = {}
    shape: dict[str, tuple] = {}
    for utt, place in places.items():
        path, offset = _split_place(utt, place)
        archives.setdefault(path, []).append((offset, utt))
    for path, entries in archives.items():
        first = min(utt for _, utt in entries)
        if Path(path).parent.name != folder.name:
            wrong[first] = f"is outside {folder.name}, wanted an archive of that layer"
            continue
        with _opened(path, f"{places[first]}: {first}") as (stream, size):
            for offset, utt in sorted(entries):  # as they stand in the file
                reason, shape[utt] = _compare(stream, size, offset, utt, sums[utt])
                if reason:
                    wrong[utt] = f"differs from its checksum: {reason}"
                advance()
    width = next((shape[utt][1] for utt in places if utt not in wrong), 0)
    for utt, place in places.items():
        if utt not in wrong and shape[utt] != (int(frames[utt]), width):
            wrong[utt] = f"is {shape[utt]}, wanted ({frames[utt]}, {width})"
        elif utt not in wrong and finite and not np.isfinite(read_entry(place, utt, MATRIX)).all():
            wrong[utt] = "holds numbers that are not finite"
        if utt in wrong:
            raise UserError(f"{place}: {utt}: {wrong[utt]}; remove {folder.parent}, run stage 2")


def _compare(stream, size, offset, utt, wanted):
    """(what is wrong or nothing, (T, D)) of the entry of `utt` at `offset` of an archive."""
    key = utt.encode() + b" "
    if offset < len(key) or offset >= size:
        return f"the archive has {size} bytes, and none of its own there", (0, 0)
    stream.seek(offset - len(key))
    found = stream.read(len(key))
    if found != key:
        name = found.decode("utf-8", "replace").strip()
        return f"found the key {name!r} before it, wanted {utt!r}", (0, 0)
    length, shape = entry_size(stream.read(LONGEST_HEADER))
    if not 0 < length <= size - offset:
        return f"found {size - offset} bytes, wanted a whole matrix", shape
    stream.seek(offset)
    digest = checksum(stream.read(length))
    return ("" if digest == wanted else f"found {digest}, wanted {wanted}"), shape


def entry_size(header: bytes) -> tuple[int, tuple[int, int]]:
    """(bytes, (T, D)) of the matrix whose first bytes are `header`; 0 bytes where it is none."""
    kind = header[2:5]
    if not header.startswith(MATRIX) or len(header) < 15:
        return 0, (0, 0)
    if kind[:2] in FLOATS:
        rows, columns = struct.unpack("<xixi", header[5:15])
        before, each, number = 15, 0, FLOATS[kind[:2]]
    elif kind in SMALL and len(header) == LONGEST_HEADER:
        before, each, number = SMALL[kind]
        rows, columns = struct.unpack("<ii", header[before - 8 : before])
    else:
        return 0, (0, 0)
    if rows < 1 or columns < 1:
        return 0, (0, 0)
    return before + each * columns + number * rows * columns, (rows, columns)


@contextlib.contextmanager
def _opened(path, place):
    """(stream, bytes) of an archive. Raises UserError where it is none."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a FIFO would wait for ever
            raise UserError(f"{place}: found no regular file, wanted an archive; run stage 2")
        with open(path, "rb") as stream:
            yield stream, os.stat(path).st_size
    except FileNotFoundError:
        raise UserError(f"{place}: no such archive; run stage 2") from None


def _split_place(utt, place):
    path, _, offset = place.rpartition(":")
    if not path or not (offset.isascii() and offset.isdigit()):
        raise UserError(f"{place}: {utt}: wanted `path:offset` of an archive; run stage 2")
    return path, int(offset)
