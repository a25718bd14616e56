"""Sounds that stage 1 converts, or cuts into segments, into the cache; wav.scp names those."""

import functools
from pathlib import Path

from ..data.preparation import ready, segments
from .columns import Columns
from .corpus import Set
from .durations import measure

AT_ONCE = 8  # sounds that a process is given at a time: decoding takes long


def make_ready(columns: Columns, one: Set, nj: int, name: str) -> None:
    """Replace the sounds of a set by what its `allow` and `segments` say, with their seconds.

    A sound that cannot be decoded counts as missing, with the reason.
    """
    work = functools.partial(_ready, tuple(one.allow), one.segments)
    pieces: list[tuple[str, float]] = []
    chosen: list[int] = []
    for index, (found, why) in enumerate(measure(columns.paths, nj, name, work, AT_ONCE)):
        if why:
            columns.missing[columns.keys[index]] = f"{columns.paths[index]} ({why})"
        else:
            if not found and one.segments:
                columns.left_out[f"shorter than {one.segments[1]:g} s"] += 1
            pieces += found
            chosen += [index] * len(found)
    columns.keep(chosen)
    columns.paths = [path for path, _ in pieces]
    columns.seconds = [f"{seconds:.4f}" for _, seconds in pieces]
    if one.segments:
        number = _numbers(chosen)
        columns.keys = [f"{k}-{n:05d}" for k, n in zip(columns.keys, number, strict=True)]
        columns.ids = [f"{k}-{n:05d}" for k, n in zip(columns.ids, number, strict=True)]
        order = sorted(range(len(chosen)), key=columns.keys.__getitem__)
        columns.keep(order)


def _ready(allow, cut, path):
    """[(path, seconds)] of one sound: one, or its segments."""
    utt = Path(path).stem
    found = segments(path, utt, cut[0], cut[1], allow) if cut else [ready(path, utt, allow)]
    return [(str(place), seconds) for place, seconds in found]


def _numbers(chosen):
    """0, 1, ... of each run of equal entries."""
    numbers: list[int] = []
    for before, now in zip([None, *chosen], chosen, strict=False):
        numbers.append(numbers[-1] + 1 if before == now and numbers else 0)
    return numbers
