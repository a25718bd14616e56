"""Scores of speaker verification that come with a corpus, as one table of a data directory.

`asv_scores` has a header, the names of its columns, and a line for each trial: `kind` (target,
nontarget or spoof), `attack`, more factors where they are known, `subset` where there are some, and
last `score`. Trials have no ids: scores without a key are joined by class, others by their rows.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data.tables import number_of
from ..errors import UserError
from ..files import atomic_open
from .places import Missing, find
from .protocol import lines_of
from .rows import at, look_up

KINDS = {"target": 0, "nontarget": 1, "spoof": 2}
KEPT = ("kind", "attack", "codec", "transmission", "subset")


@dataclass(frozen=True)
class AsvFiles:
    """Where they are.

    scores: a file, or several of which the first that is there is read; columns: of its lines, with
    `score` the last. key: a file of as many lines, in the same order, that says what each trial is;
    key_columns: of those. words {column: {word: ours}}: other words of such a column stay, but a
    subset has to be one of them. given: instead of files, the name of error rates that evaluation
    knows.
    """

    scores: str | Sequence[str] = ()
    columns: str = "attack kind score"
    key: str | Sequence[str] = ()
    key_columns: str = ""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: str = ""

    def files(self, root: Path) -> list[Path]:
        """The files that are read; none where they are not there."""
        try:
            return self._found(root)
        except Missing:
            return []

    def _found(self, root):
        return [find(root, names) for names in (self.scores, self.key) if names]

    def check(self, root: Path) -> None:
        """Raise UserError for other rows than said."""
        paths = self.files(root)
        for _ in self._rows(paths) if paths else ():
            pass

    def write(self, root: Path, out: Path) -> str:
        """Write the table; returns what to say of it. Raises UserError for other rows than said."""
        if self.given:
            with atomic_open(out) as stream:
                stream.write(f"{self.given}\n")
            return f"error rates of {self.given}"
        try:
            paths = self._found(root)
        except Missing as error:
            out.unlink(missing_ok=True)
            return f"none; {error.looked}; results have no t-DCF"
        names: list[str] = []
        count = 0
        with atomic_open(out) as stream:
            for row in self._rows(paths):
                if not names:
                    names = [*(name for name in KEPT if name in row), "score"]
                    stream.write(" ".join(names) + "\n")
                stream.write(" ".join([row[name] for name in names]) + "\n")
                count += 1
        return f"{count} trials"

    def _rows(self, paths) -> Iterator[dict[str, str]]:
        scores = _table(paths[0], self.columns)
        if len(paths) == 1:
            yield from (self._row(row, place) for place, row in scores)
            return
        keys = [
            tuple(map(sys.intern, row.values())) for _, row in _table(paths[1], self.key_columns)
        ]
        names, count = self.key_columns.split(), 0
        known = {words[names.index("trial")] for words in keys}
        for count, (place, row) in enumerate(scores, 1):
            if count <= len(keys):
                said = dict(zip(names, keys[count - 1], strict=True))
                # some files name trials otherwise; a name that the key has stands in the key's row
                if row["trial"] != said["trial"] and row["trial"] in known:
                    raise UserError(
                        f"{place[0]}:{place[1]}: found the trial '{row['trial']}', wanted "
                        f"'{said['trial']}' as {paths[1]} has it in the same row"
                    )
                yield self._row({**said, "score": row["score"]}, place)
        if count != len(keys):
            raise UserError(
                f"{paths[0]}: found {count} rows, wanted those of {paths[1]}, {len(keys)}, in the "
                "same order"
            )

    def _row(self, row, place):
        for column, words in self.words.items():
            word = row[column]
            strict = column == "subset"
            row[column] = look_up(words, word, column, place) if strict else words.get(word, word)
        look_up(
            {name: name for name in ("target", "nontarget", "spoof")}, row["kind"], "kind", place
        )
        try:
            finite = math.isfinite(number_of(row["score"]))
        except ValueError:
            finite = False
        if not finite:
            raise UserError(f"{at(place)}: found the score '{row['score']}', wanted a number")
        if row["kind"] != "spoof":
            row["attack"] = "-"
        return row


def _table(path, columns):
    """((file, line), {name: word}) of each line."""
    names = columns.split()
    for number, words in lines_of(path, " "):
        if len(words) != len(names):
            raise UserError(
                f"{path}:{number}: found {len(words)} columns, wanted {len(names)}: {columns}"
            )
        yield (path, number), dict(zip(names, words, strict=True))
