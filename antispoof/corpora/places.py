"""Finding what a corpus consists of below a folder, and saying what is there instead."""

import fnmatch
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .rows import SUFFIXES

SHOWN = 6  # names in a message
READ = 2000  # names of a folder that are looked at for a message


class Missing(UserError):
    """Something that a corpus consists of is not there; looked: what was looked for."""

    looked = ""


def find(root: str | Path, names: str | Sequence[str], hints: Mapping[str, str] = {}) -> Path:
    """The first of `names`, relative to `root`, that is there.

    Raises Missing that says what was looked for, what is there, and where it is instead; hints
    {pattern: text}: what a file of such a name in `root`, or in a folder of it, is.
    """
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if (Path(root) / name).exists():
            return Path(root) / name
    error = Missing(explain(root, names, hints))
    error.looked = f"looked for {' or '.join(names)}"
    raise error


def explain(root: str | Path, names: Sequence[str], hints: Mapping[str, str] = {}) -> str:
    """What is wrong with `root`, where none of `names` is."""
    root = Path(root)
    looked = f"looked for {' or '.join(names)}"
    if not root.is_dir():
        return f"{root}: no such folder; {looked} in it; wanted the corpus: --corpus DIR"
    text = f"{root}: {looked}, found {content(root)}"
    for pattern, hint in hints.items():
        for folder in (root, *_folders(root)):
            if found := next((n for n in _names(folder) if fnmatch.fnmatch(n, pattern)), None):
                return f"{text}; {folder / found}: {hint}"
    if other := elsewhere(root, names):
        return f"{text}; it is in {other}: --corpus {other}"
    return f"{text}; unpack it there, or name the folder that holds it: --corpus DIR"


def content(folder: Path) -> str:
    """The first names in a folder, for a message."""
    names = sorted(_names(folder))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}" if names else "an empty folder"


def elsewhere(root: Path, names: Sequence[str]) -> Path | None:
    """A folder near `root`, up to two below or above it, that holds one of `names`."""
    below = _folders(root)
    near = [*below, *(inner for folder in below for inner in _folders(folder))]
    for folder in (*near, *list(root.absolute().parents)[:2]):
        if any(_there(folder, name) for name in names):
            return folder
    return None


def _there(folder, name):
    """Whether a file or folder of this name, or one that it matches, is in a folder."""
    return next(folder.glob(name), None) is not None if "*" in name else (folder / name).exists()


def _names(folder):
    """Names in a folder, up to READ of them; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(READ), strict=False)]
    except OSError:
        return []


def walk(root: str | Path) -> Iterator[tuple[str, list[str]]]:
    """(folder, sorted names of its files) of all folders below one; nothing that is hidden.

    Links to folders are followed, but for those that lead to a folder above them.
    """
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(n for n in folders if n[0] != "." and not _is_loop(folder, n))
        yield folder, sorted(name for name in files if name[0] != ".")


def _is_loop(folder, name):
    """Whether a link in a folder leads to that folder, or to one above it."""
    path = os.path.join(folder, name)
    return os.path.islink(path) and Path(folder).resolve().is_relative_to(Path(path).resolve())


def _paths_below(folder):
    """{what a file is looked for as: paths} of all files below a folder."""
    paths: dict[str, list[str]] = {}
    for above, files in walk(folder):
        for file in files:
            for name in _names_of(file):
                paths.setdefault(name, []).append(f"{above}/{file}")
    return paths


def _names_of(file):
    """What a file is looked for as: its name with a small suffix; of a sound, also `stem.*`."""
    stem, dot, suffix = file.rpartition(".")
    suffix = f"{dot}{suffix.lower() if dot else suffix}"
    return [f"{stem}{suffix}", *([f"{stem}.*"] if suffix in SUFFIXES else [])]


def _folders(folder):
    return [folder / name for name in sorted(_names(folder)) if (folder / name).is_dir()]


class Sounds:
    """Which files are there, by listings of their folders: each folder is read once."""

    def __init__(self) -> None:
        self.listed: dict[str, frozenset[str]] = {}
        self.stems: dict[str, dict[str, list[str]]] = {}
        self.used: dict[str, set[str]] = {}
        self.below: dict[str, dict[str, list[str]]] = {}

    def locate(self, folders: Sequence[str], name: str) -> str | None:
        """The path of `name` in the first of `folders` that has it.

        `x.*`: of any suffix of a sound; `**/x.wav`: in any folder below. A suffix may be in
        capitals. Raises UserError where several files are what is asked for.
        """
        if name.startswith("**/"):
            return self._anywhere(folders, name[3:])
        above, _, file = name.rpartition("/")
        for folder in folders:
            place = os.path.join(folder, above) if above else folder
            names = self.names(place)
            found = self._of_stem(place, file[:-2]) if file.endswith(".*") else file
            if found not in names:
                stem, dot, suffix = file.rpartition(".")
                found = f"{stem}{dot}{suffix.upper()}"
            if found in names:
                self.used.setdefault(place, set()).add(found)
                return f"{place}/{found}"
        return None

    def _anywhere(self, folders, name):
        """The only path of `name`, or of its stem, below one of `folders`."""
        for folder in folders:
            if folder not in self.below:
                self.below[folder] = _paths_below(folder)
            found = self.below[folder].get(name, [])
            if len(found) > 1:
                raise UserError(f"{folder}: found {' and '.join(sorted(found))}, wanted one {name}")
            if found:
                place, _, file = found[0].rpartition("/")
                self.used.setdefault(place, set()).add(file)
                return found[0]
        return None

    def names(self, folder: str) -> frozenset[str]:
        """Names of the files in a folder; none where there is no such folder."""
        if folder not in self.listed:
            try:
                self.listed[folder] = frozenset(os.listdir(folder))
            except (FileNotFoundError, NotADirectoryError):
                self.listed[folder] = frozenset()
        return self.listed[folder]

    def _of_stem(self, folder, stem):
        if folder not in self.stems:
            table = self.stems[folder] = {}
            for name in sorted(self.names(folder)):
                if not name.startswith("."):
                    table.setdefault(_names_of(name)[-1], []).append(name)
        found = self.stems[folder].get(f"{stem}.*", [""])
        if len(found) > 1:
            raise UserError(f"{folder}: found {' and '.join(found)}, wanted one file {stem}.*")
        return found[0]

    def extra(self) -> tuple[int, str]:
        """How many files of the folders no list names, and the path of the first."""
        count, first = 0, ""
        for folder, used in sorted(self.used.items()):
            suffixes = {name.rpartition(".")[2] for name in used}
            rest = [n for n in self.names(folder) - used if n.rpartition(".")[2] in suffixes]
            count += len(rest)
            first = first or (f"{folder}/{min(rest)}" if rest else "")
        return count, first.encode(errors="backslashreplace").decode()
