"""The folder reader: class, attack and more by the parts of a path, where there is no list."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .places import Missing, content, elsewhere
from .rows import LABELS, SUFFIXES, Place, Row


@dataclass(frozen=True)
class Folders:
    """Sounds below a folder, of which the names of folders say what they are.

    pattern: "for-norm/training/{label}/{stem}": of each path below the corpus without its suffix.
    {name} is a part of one folder's or file's name, ** any folders. Names are those of `Protocol`;
    stem, of the file's name, and names that begin with _ are no factors. The id is made of the
    path, from the first part on that is not fixed.
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

    def files(self, root: Path, hints: Mapping[str, str] = {}) -> list[Path]:
        """The lists that are read: none."""
        return []

    def rows(self, root: Path, hints: Mapping[str, str] = {}) -> Iterator[tuple[Place, Row]]:
        """((path, 0), {our name: word}) of each sound, in the order of their paths.

        Raises Missing where no path fits the pattern.
        """
        shape, fixed = _compiled(self.pattern), _fixed_part(self.pattern)
        count = 0
        for path in _walk(root, fixed):
            stem, dot, suffix = path.rpartition(".")
            found = shape.fullmatch(stem) if f"{dot}{suffix}".lower() in self.suffixes else None
            if found:
                count += 1
                row = {**self.fixed, **found.groupdict(), "_path": path}
                row["_stem"] = row.pop("stem", "")
                row.setdefault("utt", stem.removeprefix(fixed).lstrip("/"))
                yield (root / path, 0), row
        if not count:
            raise Missing(self._explain(root, fixed))

    def _explain(self, root, fixed):
        looked = f"looked for sounds {self.pattern}{{{','.join(self.suffixes)}}}"
        if not root.is_dir():
            return f"{root}: no such folder; {looked} in it; wanted the corpus: --corpus DIR"
        text = f"{root}: {looked}, found {content(root)}"
        if fixed and not (root / fixed).is_dir():
            other = elsewhere(root, [fixed])
            return f"{text}; " + (
                f"it is in {other}: --corpus {other}" if other else f"unpack {fixed} there"
            )
        return f"{text}, and in {root / fixed}: {content(root / fixed)}"


def _compiled(pattern):
    """The regular expression of a pattern: each {name} a group, ** any folders."""
    text = ""
    for part in re.split(r"(\{\w+\}|\*\*/)", pattern):
        if part == "**/":
            text += "(?:[^/]+/)*"
        elif re.fullmatch(r"\{\w+\}", part):
            text += f"(?P<{part[1:-1]}>[^/]+)"
        else:
            text += re.escape(part)
    return re.compile(text)


def _fixed_part(pattern):
    """The folders at the beginning of a pattern that are the same for all."""
    parts = pattern.split("/")[:-1]
    for index, part in enumerate(parts):
        if "{" in part or "*" in part:
            return "/".join(parts[:index])
    return "/".join(parts)


def _walk(root, start):
    """Paths of files below root/start, relative to root, sorted; none that is hidden."""
    for folder, folders, files in os.walk(root / start, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        above = os.path.relpath(folder, root)
        for name in sorted(files):
            if not name.startswith("."):
                yield name if above == "." else f"{above}/{name}"
