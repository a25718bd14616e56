"""What public leaderboards read next to scores: names of trials, and what a submission states.

| board               | form        | names of trials                        | EER                |
|---------------------|-------------|----------------------------------------|--------------------|
| Speech DF Arena     | df_arena    | `file_name` of its protocol, a path    | nearest point      |
| speech_spoof_bench  | spoof_bench | `utterance_id`: what the corpus calls it | interpolated     |

Higher is more bona fide on both. The Arena computes its metrics from score files that are sent to
it; a submission to speech_spoof_bench states EER, counts and the SHA-256 of its file.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from .. import LABELS
from ..errors import UserError
from ..metrics import eer, eer_interpolated

BOARDS = ("df_arena", "spoof_bench")
HEADER = ["file_name", "label"]
REVERSED = 0.6  # an EER above this is taken for scores of the other direction


def read_protocol(path: str | Path, labels: Mapping[str, str]) -> dict[str, str]:
    """{id: file_name} of the Arena's protocol, a CSV of `file_name,label`, for the ids of `labels`.

    A file is found by its path without the suffix, whose last parts, joined by `-`, are the id.
    Raises UserError for another header or label, a name that the Arena cannot read, a file that
    belongs to no id, and an id without a file.
    """
    text = Path(path).read_bytes().decode("utf-8", errors="replace")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or rows[0] != HEADER:
        raise UserError(
            f"{path}:1: found {','.join(rows[0] if rows else [])!r}, wanted the header "
            f"{','.join(HEADER)!r}"
        )
    names: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        place = f"{path}:{number}"
        if len(row) != 2 or row[1] not in LABELS:
            raise UserError(
                f"{place}: found {','.join(row)!r}, wanted a file and spoof or bonafide"
            )
        name, label = row
        if not name or set(name) & set(' \t"'):
            raise UserError(
                f"{place}: found the file {name!r}, wanted one without blanks or quotes"
            )
        own = _id_of(name, labels, place)
        if own in names:
            raise UserError(f"{place}: '{own}' stands here a second time")
        if label != labels[own]:
            raise UserError(
                f"{place}: {own}: found '{label}', wanted '{labels[own]}' as in utt2label"
            )
        names[own] = name
    missing = [own for own in labels if own not in names]
    if missing:
        raise UserError(
            f"{path}: '{missing[0]}' is missing ({len(missing)} in all); name a list by --trials"
        )
    return names


def _id_of(name, labels, place):
    """The one id of `labels` that a file's path ends in."""
    path = PurePosixPath(name)
    parts = (*path.parts[:-1], path.stem)
    ends = ("-".join(parts[start:]) for start in range(len(parts)))
    found = [end for end in ends if end in labels]
    if len(found) != 1:
        many = f"{len(found)} trials of the set, {found[0]} and {found[1]}" if found else "no trial"
        raise UserError(f"{place}: found '{name}', which is {many}; wanted one")
    return found[0]


def require_direction(
    scores: Mapping[str, float], labels: Mapping[str, str], place: str | Path
) -> None:
    """Raise UserError where spoofs score so much higher that the scores must be reversed."""
    classes = _classes(scores, labels)
    if all(len(one) for one in classes) and (found := eer(*classes)) > REVERSED:
        raise UserError(
            f"{place}: found an EER of {100 * found:.1f} %: spoofs score higher; wanted higher = "
            "more bona fide; negate the scores"
        )


def statement(
    form: str, text: str, scores: Mapping[str, float], labels: Mapping[str, str]
) -> list[str]:
    """Lines that say what the board computes of the file `text`; of one class, counts alone."""
    bonafide, spoof = classes = _classes(scores, labels)
    lines = [f"n_trials: {len(scores)}", "n_skipped: 0"]
    if len(bonafide) and len(spoof):
        found = 100 * (eer if form == "df_arena" else eer_interpolated)(*classes)
        lines.insert(0, f"eer_percent: {found!r}")
    if form == "spoof_bench":
        lines.append(f"scores_sha256: {hashlib.sha256(text.encode()).hexdigest()}")
    return lines


def _classes(scores, labels):
    """(bona fide, spoof) scores."""
    return tuple(
        np.array([score for utt, score in scores.items() if labels[utt] == label])
        for label in reversed(LABELS)
    )
