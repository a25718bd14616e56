"""A file of trials that name who is claimed, in lines `speaker utterance kind score`.

The claimed speaker, the utterance of the test, target, nontarget or spoof, and what a system says;
higher is more the claimed speaker. The score of speaker verification alone (ASV) and the joint one
(SASV) have the same form. Of trials that are scored and not judged, the kind may be `-`.
"""

import contextlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.tables import number_of, require_end
from ..errors import UserError
from .asv import KINDS, require_kinds
from .logistic import LARGEST

UNKNOWN = "-"  # the kind of a trial of which nobody says it


@dataclass(frozen=True)
class SasvTrials:
    """Trials of one file, in its order."""

    path: Path
    speakers: np.ndarray  # (N,) who is claimed
    utts: np.ndarray  # (N,) of the test
    kind: np.ndarray  # (N,) of KINDS, or UNKNOWN
    scores: np.ndarray  # (N,)

    @classmethod
    def read(cls, path: str | Path, judged: bool = True) -> "SasvTrials":
        """Raises UserError for other lines, a kind without a trial, or a trial twice.

        Not `judged`: kinds may lack, or be UNKNOWN.
        """
        rows = [_row(path, number, line) for number, line in enumerate(_lines(path), 1)]
        first: dict[tuple[str, str], int] = {}
        for number, (speaker, utt, _, _) in enumerate(rows, 1):
            if (speaker, utt) in first:
                before = first[speaker, utt]
                raise UserError(
                    f"{path}:{number}: {utt}: found the trial of '{speaker}' a second time (line "
                    f"{before}), wanted it once; remove one"
                )
            first[speaker, utt] = number
        speakers, utts, kind, scores = (np.array(part) for part in zip(*rows, strict=True))
        if judged:
            require_kinds(path, kind)
        elif other := sorted(set(kind.tolist()) - {*KINDS, UNKNOWN}):
            raise UserError(
                f"{path}: found the kind '{other[0]}', wanted {', '.join(KINDS)} or {UNKNOWN}"
            )
        return cls(Path(path), speakers, utts, kind, scores)

    def keep(self, ids: Collection[str]) -> "SasvTrials":
        """The trials whose utterance is in `ids`. Raises UserError where a kind has none."""
        own = np.isin(self.utts, list(ids))
        kept = SasvTrials(
            self.path, self.speakers[own], self.utts[own], self.kind[own], self.scores[own]
        )
        require_kinds(self.path, kept.kind)
        return kept

    def require_labels(self, labels: Mapping[str, bool], place: str | Path) -> None:
        """Raise UserError where an utterance is of another class than its kind says, or unknown."""
        for utt, kind in zip(self.utts, self.kind, strict=True):
            if utt not in labels:
                raise UserError(f"{self.path}: {utt}: is not in {place}; name trials of that set")
            if kind != UNKNOWN and labels[utt] != (kind != "spoof"):
                found = "bona fide" if labels[utt] else "spoof"
                raise UserError(
                    f"{self.path}: {utt}: found a {kind} trial, wanted one that is {found} as "
                    f"{place} says; correct one of them"
                )

    def require_same(self, other: "SasvTrials") -> None:
        """Raise UserError where `other` has other trials, or the same in another order."""
        for name in ("speakers", "utts", "kind"):
            own, found = getattr(self, name), getattr(other, name)
            if own.size != found.size or (own != found).any():
                raise UserError(
                    f"{other.path}: found {found.size} trials, wanted those of {self.path}, "
                    f"{own.size}, in the same order"
                )

    def with_scores(self, scores: np.ndarray) -> "SasvTrials":
        return SasvTrials(self.path, self.speakers, self.utts, self.kind, scores)

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """(target, nontarget, spoof) parts of `values` (N,)."""
        return [values[self.kind == kind] for kind in KINDS]

    def text(self) -> str:
        """The lines of a file."""
        rows = zip(self.speakers, self.utts, self.kind, self.scores.tolist(), strict=True)
        return "".join(f"{speaker} {utt} {kind} {score!r}\n" for speaker, utt, kind, score in rows)


def read_trials(
    asv: Path | None, joint: Path | None, labels: Mapping[str, bool], place: str | Path
) -> list[SasvTrials]:
    """The trials of the files that are named, each of which fits the labels of `place`."""
    found = [SasvTrials.read(path) for path in (asv, joint) if path]
    for trials in found:
        trials.require_labels(labels, place)
    return found


def _lines(path):
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; wanted trials `speaker utterance kind score`"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    require_end(text, path)
    if text.startswith("\ufeff"):
        raise UserError(f"{path}: begins with a byte order mark, wanted none")
    return text.splitlines() or [""]


def _row(path, number, line):
    words = line.split()
    score = math.nan
    with contextlib.suppress(ValueError, IndexError):
        score = number_of(words[3])
    if len(words) != 4 or not abs(score) <= LARGEST:
        raise UserError(
            f"{path}:{number}: found '{line[:80]}', wanted `speaker utterance kind score` with a "
            f"finite score{f' from -{LARGEST:g} to {LARGEST:g}' * math.isfinite(score)}"
        )
    return words[0], words[1], words[2], score
