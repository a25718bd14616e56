"""Score files, and how they meet labels: by id, both ways, nothing dropped."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import LABELS
from ..data.data_dir import ALL, read_trials, trial_counts
from ..data.tables import number_of, read_table, require_same_keys
from ..errors import UserError
from ..metrics.checks import Pair
from .logistic import LARGEST


def read_scores(path: str | Path) -> dict[str, float]:
    """{utterance: score} of a table of scores.

    Raises UserError unless all are finite numbers of at most LARGEST in size.
    """
    table = read_table(path)
    try:
        scores = dict(zip(table, map(number_of, table.values()), strict=True))
    except ValueError:
        scores = {}
    if not scores or not (np.abs(np.fromiter(scores.values(), float)) <= LARGEST).all():
        utt, text = next((utt, text) for utt, text in table.items() if not _is_usable(text))
        limits = f" from -{LARGEST:g} to {LARGEST:g}" if _is_finite(text) else ""
        raise UserError(f"{path}: {utt}: found the score '{text}', wanted a finite number{limits}")
    return scores


def _is_usable(text):
    return _is_finite(text) and abs(number_of(text)) <= LARGEST


def _is_finite(text):
    try:
        return math.isfinite(number_of(text))
    except ValueError:
        return False


def read_labels(data_dir: str | Path) -> dict[str, bool]:
    """{utterance: whether it is bona fide}. Raises UserError for any word not in LABELS."""
    path = Path(data_dir) / "utt2label"
    labels = read_table(path)
    if not set(labels.values()) <= set(LABELS):
        utt, label = next(item for item in labels.items() if item[1] not in LABELS)
        raise UserError(f"{path}: {utt}: found the label '{label}', wanted {' or '.join(LABELS)}")
    return {utt: label == "bonafide" for utt, label in labels.items()}


def read_labelled_trials(data_dir: Path, name: str, labels: Mapping[str, Any]) -> list[str]:
    """`read_trials`; raises UserError also for one that `labels`, of utt2label, lack."""
    ids = read_trials(data_dir, name)
    if lacking := next((utt for utt in ids if utt not in labels), None):
        raise UserError(f"{data_dir}/trials/{name}: '{lacking}' is not in {data_dir}/utt2label")
    return ids


@dataclass(frozen=True)
class Trials:
    """Scored and labelled trials of one set, in the order of its ids."""

    data_dir: Path
    ids: list[str]  # (N,)
    scores: np.ndarray  # (N,), higher = more bona fide
    is_bonafide: np.ndarray  # (N,) bool
    known: dict | None = None  # where its owner keeps {factor: what was read} for several lists
    labels: Mapping[str, Any] | None = None  # of the whole set, as far as they were read

    def factor(self, name: str) -> tuple[list[str], np.ndarray]:
        """The values of `utt2<name>`: sorted names, and for each trial the index (N,) of its own.

        Raises UserError where there is no such table or a trial has no value.
        """
        path = self.data_dir / f"utt2{name}"
        if not path.is_file():
            known = sorted(p.name[4:] for p in self.data_dir.glob("utt2*"))
            raise UserError(f"{path}: no such table; there are utt2{{{','.join(known)}}}")
        read = {} if self.known is None else self.known
        if name not in read:
            table = read_table(path, self.labels)
            names = sorted(set(table.values()))
            index = {value: number for number, value in enumerate(names)}
            values = np.fromiter(map(index.__getitem__, table.values()), np.int32, len(table))
            read[name] = names, list(table), values
        names, ids, values = read[name]
        if ids != self.ids:
            place = {utt: number for number, utt in enumerate(ids)}
            missing = [utt for utt in self.ids if utt not in place]
            if missing:
                raise UserError(f"{path}: '{missing[0]}' is missing ({len(missing)} trials in all)")
            values = values[np.fromiter(map(place.__getitem__, self.ids), np.int64, len(self.ids))]
        return list(names), values.astype(np.int64)

    def speakers(self) -> Pair | None:
        """The speaker of each trial, a (bona fide, spoof) pair of indices; None if none is known.

        A trial without a speaker, `-`, stands for itself: such trials are not of one person.
        """
        if not (self.data_dir / "utt2spk").is_file():
            return None
        names, index = self.factor("spk")
        if names == ["-"]:
            return None
        if "-" in names:
            unknown = index == names.index("-")
            index[unknown] = len(names) + np.arange(unknown.sum())
        return self.split(index)

    def split(self, values: np.ndarray | None = None) -> Pair:
        """(bona fide, spoof) parts of `values` (N,), by default of the scores."""
        values = self.scores if values is None else values
        return values[self.is_bonafide], values[~self.is_bonafide]


def join(data_dir: str | Path, scores_path: str | Path, trials: str | None = None) -> Trials:
    """`keep` to a list of trials, of labels and scores that are read here."""
    return keep(read_labels(data_dir), read_scores(scores_path), data_dir, scores_path, trials)


def keep(
    labels: Mapping[str, bool],
    scores: Mapping[str, float],
    data_dir: str | Path,
    scores_path: str | Path,
    trials: str | None = None,
    known: dict[str, Any] | None = None,
) -> Trials:
    """Trials of a data directory with their scores; `trials` names a list to which to keep.

    known: factors that were read already, of one caller's other lists of the same set.
    labels, scores: of the whole set, as `read_labels` and `read_scores` give them. Both must hold
    the same ids, each once, whichever list is asked for. Raises UserError also where one class is
    missing, all scores are equal, or the list has other counts than `trial_counts` says.
    """
    data_dir = Path(data_dir)
    require_same_keys(labels, scores, data_dir / "utt2label", scores_path)
    ids = list(labels) if trials is None else read_labelled_trials(data_dir, trials, labels)
    values = np.array([scores[utt] for utt in ids])
    is_bonafide = np.array([labels[utt] for utt in ids])
    found = int(is_bonafide.sum())
    place = data_dir / "utt2label" if trials is None else data_dir / "trials" / trials
    if not 0 < found < len(ids):
        raise UserError(
            f"{place}: found {found} bona fide and {len(ids) - found} spoof trials, wanted both"
        )
    wanted = trial_counts(data_dir)[0].get(trials or ALL)
    if wanted and wanted != (found, len(ids) - found):
        raise UserError(
            f"{place}: found {found} bona fide and {len(ids) - found} spoof trials, wanted "
            f"{wanted[0]} and {wanted[1]} as {data_dir}/trial_counts has it"
        )
    if values.min() == values.max():
        raise UserError(
            f"{scores_path}: found one score, {float(values[0])!r}, for all {len(ids)} trials, "
            "wanted scores that differ; was the model trained?"
        )
    return Trials(data_dir, ids, values, is_bonafide, known, labels)
