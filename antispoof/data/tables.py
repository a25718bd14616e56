"""Kaldi tables: one `key value` line per utterance, sorted in C order, no key twice.

A table is refused, with `file:line`, rather than repaired: what was dropped or reordered in
silence is what misleads. Values may hold blanks; keys may not, in any script. Neither may hold
control characters, which other tools take for the end of a line and terminals for commands.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import atomic_open, await_file

BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")  # what no key may hold
NUMERALS = frozenset("0123456789+-.einfatyEINFATY")  # with those of inf and nan
FEW = 1000  # lines by which it is seen whether values repeat
BOM = "\ufeff".encode()
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")  # what no line may hold


def read_table(path: str | Path, like: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Read `path` into a dict {key: value} in file order.

    like: a table that was read, of the same keys as far as one knows: then it is faster, and the
    keys and repeated values are held once. Other keys are read all the same.

    Raises UserError with `file:line` for a missing value, blank line, duplicate or unsorted key,
    trailing blanks, a blank or control character where none may be, or bytes that are not UTF-8;
    and for a file that does not end in a line feed.
    """
    path = Path(path)
    await_file(path)
    data = path.read_bytes()
    table = _read_like(data, like) if like else None
    if table is None:
        table = _read_sound(data)
    return _read_by_line(path) if table is None else table


def require_end(text: str, place: str | Path) -> None:
    """Raise UserError where text does not end in a line feed: half a number would be another."""
    if text and not text.endswith("\n"):
        raise UserError(
            f"{place}: does not end in a line feed; was it cut off? If it is whole, add one"
        )


def number_of(text: str) -> float:
    """The number that ASCII digits write, or inf or nan. Raises ValueError for others, as `1_0`."""
    if not NUMERALS.issuperset(text):
        raise ValueError(f"'{text}' is no number")
    return float(text)


def _read_sound(data):
    """The table of a file's bytes, or None where anything is wrong with it; five times as fast."""
    try:
        text = data.decode("utf-8")
        table = dict(line.split(" ", 1) for line in text.removesuffix("\n").split("\n"))
    except ValueError:  # not UTF-8, or a line without a blank
        return None
    keys, values = list(table), list(table.values())
    sound = (
        text.endswith("\n")
        and len(table) == text.removesuffix("\n").count("\n") + 1
        and keys == sorted(keys)  # code points are in the order of their bytes in UTF-8
        and "" not in table
        and not data.startswith(BOM)
        and all(values)
        and list(map(str.strip, values)) == values
        and not CONTROL.search(text)
        and not BLANK.search("".join(keys))
    )
    return table if sound else None


def _read_like(data, like):
    """The table of a file's bytes with the keys of another, or None where it is not sound.

    None too where values seem to be as many as keys: then nothing is gained.
    """
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except ValueError:
        return None
    first = {line.partition(" ")[2] for line in lines[:FEW]}
    if len(lines) > FEW and len(first) > FEW // 2:
        return None
    if len(lines) != len(like) or not all(map(str.startswith, lines, like)):
        return None
    known: dict[str, str] = {}
    values = [
        known.setdefault(v := line[n:], v) for line, n in zip(lines, map(len, like), strict=True)
    ]
    text = "\n".join(known)
    sound = (
        data.endswith(b"\n")
        and all(
            value[:1] == " " and value[1:] and value[1:].strip() == value[1:] for value in known
        )
        and text.count("\n") == len(known) - 1
        and not CONTROL.search(text)
    )
    for value in known:
        known[value] = value[1:]
    return dict(zip(like, map(known.__getitem__, values), strict=True)) if sound else None


def _read_by_line(path):
    """Line by line, to say which one is wrong."""
    table, previous = {}, None
    with open(path, "rb") as stream:
        for number, raw in enumerate(stream, 1):
            if number == 1 and raw.startswith(BOM):
                raise UserError(f"{path}: begins with a byte order mark, wanted none")
            key, value = _split(raw, f"{path}:{number}")
            if key in table:
                raise UserError(f"{path}:{number}: '{key}' stands here a second time; remove one")
            if previous is not None and key.encode() < previous.encode():
                raise UserError(
                    f"{path}:{number}: '{key}' after '{previous}' is out of order; "
                    "sort the file with LC_ALL=C sort"
                )
            table[key] = value
            previous = key
    if not table:
        raise UserError(f"{path}: is empty; wanted lines of `utterance value`")
    require_end(raw.decode("utf-8"), f"{path}:{number}")
    return table


def _split(raw, place):
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{place}: is not UTF-8 text") from None
    line = line.removesuffix("\n")
    key, blank, value = line.partition(" ")
    if not key or not blank or not value or value != value.strip() or "\t" in line or "\r" in line:
        raise UserError(
            f"{place}: found {line!r}, wanted `key value`, one blank between, none at the ends"
        )
    if BLANK.search(key):
        raise UserError(f"{place}: found {key!r}, wanted a name without blank or control character")
    if CONTROL.search(value):
        raise UserError(f"{place}: found {value!r}, wanted a value without control character")
    return key, value


def write_table(path: str | Path, table: Mapping[str, Any]) -> None:
    """Write {key: value} to `path` in C order, atomically. Raises UserError for a bad entry."""
    lines = []
    for key in sorted(table, key=str.encode):
        line = f"{key} {table[key]}"
        _split(line.encode(), str(path))
        if BLANK.search(str(key)):
            raise UserError(f"{path}: found {key!r}, wanted a name without blank")
        if "\n" in line:
            raise UserError(f"{path}: found {line!r}, wanted an entry of one line")
        lines.append(line + "\n")
    with atomic_open(path) as stream:
        stream.writelines(lines)


def write_columns(
    folder: str | Path, keys: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> None:
    """`write_table` of each {name: values} of `keys`, which are in C order, each once; much faster.

    Raises ValueError for other keys, UserError for a bad entry.
    """
    if not all(first < second for first, second in itertools.pairwise(keys)):
        raise ValueError(f"{folder}: keys are out of order, or there twice")
    sound_keys = all(keys) and not BLANK.search("".join(keys))
    for name, values in columns.items():
        known = set(values)
        text = "\n".join(known)
        sound = sound_keys and all(value and value.strip() == value for value in known)
        if sound and text.count("\n") == len(known) - 1 and not CONTROL.search(text):
            with atomic_open(Path(folder) / name) as stream:
                lines = [f"{key} {value}\n" for key, value in zip(keys, values, strict=True)]
                stream.write("".join(lines))
        else:  # to say which entry is wrong
            write_table(Path(folder) / name, dict(zip(keys, values, strict=True)))


def require_same_keys(
    expected: Mapping[str, Any],
    found: Mapping[str, Any],
    expected_name: str | Path,
    found_name: str | Path,
) -> None:
    """Raise UserError unless both tables hold the same keys; names the first that differs."""
    if expected.keys() == found.keys():
        return
    missing = [key for key in expected if key not in found]
    extra = [key for key in found if key not in expected]
    key, where, other = (
        (missing[0], found_name, expected_name)
        if missing
        else (extra[0], expected_name, found_name)
    )
    raise UserError(
        f"{where}: '{key}' is missing, though {other} has it "
        f"({len(missing)} missing and {len(extra)} extra in {found_name})"
    )
