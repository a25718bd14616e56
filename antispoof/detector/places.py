"""The files that a command names, or that are below its folders: any number, a part in memory."""

import heapq
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..corpora.rows import SUFFIXES
from ..errors import UserError, explain_os_error

NAMES = 1 << 16  # of a folder that are in memory at once
NAMED = (  # what a sound's name ends in; what is in it decides how it is read
    *SUFFIXES,
    *(".amr", ".wma", ".asf", ".mkv", ".mka", ".webm", ".mov", ".3gp", ".avi", ".flv", ".m2ts"),
    *(".mpg", ".aiff", ".aif", ".caf", ".ac3", ".w64", ".au", ".wv", ".ape", ".oga", ".m4b"),
)


class Files:
    """The files of `places` and below, one after the other, but for those that are `done`.

    Args: part: the start, stop and step of those that are taken; complain: is handed what says
    why a place cannot be read, which `failed` counts.
    """

    def __init__(
        self,
        places: Sequence[Path],
        part: tuple[int, int | None, int],
        complain: Callable[[UserError], None],
        done: Callable[[Path], bool] | None = None,
    ) -> None:
        self.places, self.part, self.done = places, part, done
        self.complain, self.failed = complain, 0

    def __iter__(self) -> Iterator[Path]:
        for path in itertools.islice(self._all(), *self.part):
            if self.done is None or not self.done(path):
                yield path

    def _all(self):
        for place in self.places:
            try:
                if place.is_dir():
                    yield from sounds_below(place, self._fail)
                else:
                    yield place
            except UserError as error:
                self._fail(error)

    def _fail(self, error):
        self.failed += 1
        self.complain(error)


def sounds_below(
    folder: str | Path, complain: Callable[[UserError], None] | None = None
) -> Iterator[Path]:
    """The files below `folder` that a sound's name ends, those of each folder sorted.

    A folder that cannot be read is handed to `complain`, or else raised as a UserError, as is a
    folder that holds no sound. Links to folders are not followed. Of a folder, NAMES names are in
    memory.
    """
    found, below = False, [iter([Path(folder)])]
    while below:
        place = next(below[-1], None)
        if place is None:
            below.pop()
            continue
        try:
            for name in _names(place, lambda entry: not entry.is_dir()):
                if os.path.splitext(name)[1].lower() in NAMED:
                    found = True
                    yield place / name
        except OSError as error:
            problem = UserError(explain_os_error(error))
            if complain is None or not below[1:]:
                raise problem from None
            complain(problem)
            continue
        below.append(_folders(place))
    if not found:
        raise UserError(f"{folder}: holds no sound, wanted files of {', '.join(SUFFIXES)}, ...")


def _folders(place):
    for name in _names(place, lambda entry: entry.is_dir(follow_symlinks=False)):
        yield place / name


def _names(folder, wanted):
    """The names in a folder of what is wanted, sorted; all are gone through for NAMES of them."""
    last, some = "", [""] * NAMES
    while len(some) == NAMES:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries if entry.name > last and wanted(entry))
            some = heapq.nsmallest(NAMES, names)
        yield from some
        last = some[-1] if some else last
