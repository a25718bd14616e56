"""The folder reader: class, attack and more by the parts of a path, where there is no list."""

import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from .places import Missing, content, elsewhere, walk
from .rows import LABELS, SUFFIXES, Place, Row

NAME = r"\{\w+(?::[^{}]+)?\}"  # in a pattern


@dataclass(frozen=True)
class Folders:
    """Sounds below a folder, of which the names of folders say what they are.

    pattern: "for-norm/training/{label:real|fake}/{stem}": of each path without its suffix. {name}
    is a part of one folder's or file's name, {name:a|b} one of those, ** any folders. Names are
    those of `Protocol`; stem, of the file's name, and names that begin with _ are no factors. The
    id is made of the path, from the first part on that is not the same for all. Folders that the
    pattern names are all wanted: without one of them, a set is partial.
    folders: where the pattern begins, below the corpus or anywhere; hint: what a message says where
    no sound is there.
    suffixes: of files that are sounds; others are left out. So are hidden ones, as ._x.wav.
    labels, words, fixed, where, no_attack, edit: as of `Protocol`.
    """

    pattern: str
    labels: Mapping[str, str | None] = field(default_factory=lambda: LABELS)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    suffixes: Sequence[str] = SUFFIXES
    fixed: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    no_attack: Sequence[str] = ("-", "bonafide")
    edit: Callable[[Row], None] | None = None
    path: str = "{_path}"
    folders: str = "."
    hint: str = ""

    def files(self, root: Path, hints: Mapping[str, str] = {}) -> list[Path]:
        """The lists that are read: none."""
        return []

    def lacking(self, root: Path) -> list[str]:
        """Folders that the pattern names and that are not there, where others of them are."""
        places = [root / self.folders / start for start in _starts(self.pattern)]
        absent = [str(place) for place in places if not place.is_dir()]
        return absent if len(absent) < len(places) else []

    def rows(self, root: Path, hints: Mapping[str, str] = {}) -> Iterator[tuple[Place, Row]]:
        """((path, 0), {our name: word}) of each sound, in the order of their paths.

        Raises Missing where no path fits the pattern.
        """
        root, shape = root / self.folders, _compiled(self.pattern)
        starts, fixed, count = _starts(self.pattern), _fixed_part(self.pattern), 0
        for path in (path for start in starts for path in _walk(root, start)):
            stem, dot, suffix = path.rpartition(".")
            found = shape.fullmatch(stem) if f"{dot}{suffix}".lower() in self.suffixes else None
            if found:
                count += 1
                _require_text(root, path)
                row = {**self.fixed, **found.groupdict(), "_path": path}
                row["_stem"] = row.pop("stem", "")
                row.setdefault("utt", stem.removeprefix(fixed).lstrip("/"))
                yield (root / path, 0), row
        if not count:
            raise Missing("; ".join(filter(None, [self._explain(root, starts), self.hint])))

    def _explain(self, root, starts):
        looked = f"looked for sounds {self.pattern}{{{','.join(self.suffixes)}}}"
        if not root.is_dir():
            wanted = "" if self.hint else "; wanted the corpus: --corpus DIR"
            return f"{root}: no such folder; {looked} in it{wanted}"
        text = f"{root}: {looked}, found {content(root)}"
        there = [start for start in starts if start and (root / start).is_dir()]
        if starts != [""] and not there:
            other = elsewhere(root, starts)
            return f"{text}; " + (
                f"it is in {other}: --corpus {other}" if other else f"unpack {starts[0]} there"
            )
        return text + "".join(f", and in {root / s}: {content(root / s)}" for s in there[:1])


def _require_text(root, path):
    """Raise UserError for a name that no table can hold."""
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="backslashreplace").decode()
        raise UserError(f"{root}/{shown}: found a name that is not UTF-8; rename it") from None


def _compiled(pattern):
    """The regular expression of a pattern: each {name} a group, ** any folders."""
    text = ""
    for part in re.split(rf"({NAME}|\*\*/)", pattern):
        if part == "**/":
            text += "(?:[^/]+/)*"
        elif re.fullmatch(NAME, part):
            name, _, words = part[1:-1].partition(":")
            one = "|".join(map(re.escape, words.split("|"))) if words else "[^/]+"
            text += f"(?P<{name}>{one})"
        else:
            text += re.escape(part)
    return re.compile(text)


def _starts(pattern):
    """The folders that a pattern begins with: one for each of the words that it names."""
    starts = [""]
    for part in pattern.split("/")[:-1]:
        if "*" in part or re.search(r"\{\w+\}", part):
            break
        pieces = [p[1:-1].partition(":")[2].split("|") if p.startswith("{") else [p]
                  for p in re.split(f"({NAME})", part)]  # fmt: skip
        names = ["".join(words) for words in itertools.product(*pieces)]
        starts = [f"{start}/{name}".lstrip("/") for start in starts for name in names]
    return starts


def _fixed_part(pattern):
    """The folders at the beginning of a pattern that are the same for all."""
    parts = pattern.split("/")[:-1]
    return "/".join(itertools.takewhile(lambda part: "{" not in part and "*" not in part, parts))


def _walk(root, start):
    """Paths of files below root/start, relative to root, sorted; none that is hidden."""
    for folder, files in walk(root / start):
        above = os.path.relpath(folder, root)
        for name in files:
            yield name if above == "." else f"{above}/{name}"
