"""The protocol reader: utterances, classes and factors by the list that a corpus comes with."""

import csv
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from .places import Missing, explain, find
from .rows import LABELS, SUFFIXES, Place, Row


@dataclass(frozen=True)
class Protocol:
    """A list of utterances, one a line, and where their sounds are.

    file: its name below the corpus, or several of which the first that is there is read; one with a
    * stands for all files that it matches.
    columns: "speaker utt - attack label", our names of all columns in their order, - for one that
    nothing is taken of; or {our name: its number, from 1}; or {our name: name in the header}. Our
    names are utt, label, and where they are known speaker, attack, seconds; any other is a factor,
    utt2<name>; one that begins with _ is for `path` and `edit` alone.
    labels {word: bonafide, spoof, or None: left out and counted}; any other word is refused.
    words {column: {word: ours}}: the same for other columns.
    path: the sound, below one of `folders`: "{utt}.flac", of any column; "{utt}.*": of any suffix;
    "**/{utt}.wav": in any folder below.
    folders: below the corpus; a sound may be in any of them.
    sep: " " for any blanks, "," (with quotes), or a tab or | (quotes are text there).
    header: whether the first line is one; so where columns are by name.
    fixed {our name: word}: of every line. where {our name: word}: lines with others are left out.
    no_attack: words in the attack column of bona fide speech.
    edit: a function that changes a row {our name: word}, before anything is looked up in it.
    sha256: how the digest of the published file begins.
    """

    file: str | Sequence[str]
    columns: str | Mapping[str, str] | Mapping[str, int]
    labels: Mapping[str, str | None] = field(default_factory=lambda: LABELS)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    path: str = "{utt}.flac"
    folders: str | Sequence[str] = "."
    sep: str = " "
    header: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    no_attack: Sequence[str] = ("-", "bonafide")
    edit: Callable[[Row], None] | None = None
    sha256: str = ""

    def files(self, root: Path, hints: Mapping[str, str] = {}) -> list[Path]:
        """The files that are read. Raises UserError where there is none."""
        names = [self.file] if isinstance(self.file, str) else list(self.file)
        for name in names:
            if "*" in name and (found := sorted(root.glob(name))):
                return found
        if all("*" in name for name in names):
            raise Missing(explain(root, names, hints))
        return [find(root, [name for name in names if "*" not in name], hints)]

    def lacking(self, root: Path) -> list[str]:
        """Folders that are not there: a list names sounds, not folders."""
        return []

    def rows(self, root: Path, hints: Mapping[str, str] = {}) -> Iterator[tuple[Place, Row]]:
        """((file, line number), {our name: word}) of each line, as it stands there.

        Raises UserError with file and line where a line has another number of columns.
        """
        for path in self.files(root, hints):
            lines = lines_of(path, self.sep)
            first = next(lines, None)
            if first is None:
                raise UserError(f"{path}: is empty; wanted lines of {self._said()}")
            lines = itertools.chain([first], lines)
            names, wanted, exact = self._names(path, lines)
            for number, words in lines:
                if len(words) != wanted and (exact or len(words) < wanted):
                    raise UserError(
                        f"{path}:{number}: found {len(words)} columns, wanted "
                        f"{wanted}{'' if exact else ' or more'}: {self._said()}"
                    )
                row = {**self.fixed, **{name: words[index] for name, index in names}}
                suffix = row["utt"][row["utt"].rfind(".") :].lower()
                if suffix in SUFFIXES:
                    row["utt"] = row["utt"][: -len(suffix)]
                yield (path, number), row

    def _names(self, path, lines):
        """([(our name, index)], how many columns, whether no more)."""
        if isinstance(self.columns, str):
            names = self.columns.split()
            if self.header:
                next(lines, None)
            return [(n, i) for i, n in enumerate(names) if n != "-"], len(names), True
        by_number = all(isinstance(column, int) for column in self.columns.values())
        header = next(lines)[1] if self.header or not by_number else []
        if by_number:
            indices = [(name, int(number) - 1) for name, number in self.columns.items()]
            return indices, 1 + max(index for _, index in indices), False
        lacking = [column for column in self.columns.values() if header.count(column) != 1]
        if lacking:
            raise UserError(
                f"{path}:1: found the header {' '.join(header)!r}, wanted '{lacking[0]}' once"
            )
        return [(n, header.index(c)) for n, c in self.columns.items()], len(header), True

    def _said(self):
        columns = self.columns
        return columns if isinstance(columns, str) else ", ".join(map(str, columns.values()))


def lines_of(path: Path, sep: str) -> Iterator[tuple[int, list[str]]]:
    """(number, words) of each line that is not blank. Raises UserError for what is no text."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            if sep == " ":
                numbered = ((number, line.split()) for number, line in enumerate(stream, 1))
            else:
                quotes: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if sep != "," else {}
                reader = csv.reader(stream, delimiter=sep, strict=True, **quotes)
                numbered = ((reader.line_num, [w.strip() for w in words]) for words in reader)
            yield from (pair for pair in numbered if any(pair[1]))
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: {error}; wanted fields with {sep}") from None
