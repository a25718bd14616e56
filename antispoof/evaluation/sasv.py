"""Spoofing-aware speaker verification: trials that name who is claimed, and what they come to.

A file of trials has lines `speaker utterance kind score`: the claimed speaker, the utterance of the
test, target, nontarget or spoof, and what a system says; higher is more the claimed speaker. The
score of speaker verification alone (ASV) and the joint one (SASV) have the same form.
"""

import contextlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import atomic_open
from ..metrics import a_dcf, t_eer
from ..metrics.crossed import FEWEST, count_units, crossed_interval
from ..metrics.sasv import moved_a_dcf, speaker_interval
from ..metrics.tandem import A_DCF_COSTS, asv_rates
from .asv import KINDS, require_kinds
from .scores import Trials
from .ways import units_text


@dataclass(frozen=True)
class SasvTrials:
    """Trials of one file, in its order."""

    path: Path
    speakers: np.ndarray  # (N,) who is claimed
    utts: np.ndarray  # (N,) of the test
    kind: np.ndarray  # (N,) of KINDS
    scores: np.ndarray  # (N,)

    @classmethod
    def read(cls, path: str | Path) -> "SasvTrials":
        """Raises UserError for other lines, a kind without a trial, or a trial twice."""
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
        require_kinds(path, kind)
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
            if labels[utt] != (kind != "spoof"):
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

    def write(self, path: str | Path) -> None:
        with atomic_open(path) as stream:
            for row in zip(self.speakers, self.utts, self.kind, self.scores, strict=True):
                stream.write("{} {} {} {!r}\n".format(*row[:3], float(row[3])))


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
        lines = Path(path).read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; wanted trials `speaker utterance kind score`"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    return lines or [""]


def _row(path, number, line):
    words = line.split()
    score = math.nan
    with contextlib.suppress(ValueError, IndexError):
        score = float(words[3])
    good = len(words) == 4 and math.isfinite(score)
    if not good:
        raise UserError(
            f"{path}:{number}: found '{line[:80]}', wanted `speaker utterance kind score` with a "
            "finite score"
        )
    return words[0], words[1], words[2], score


def judge_sasv(
    asv: SasvTrials,
    trials: Trials,
    joint: SasvTrials | None = None,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """What `result.json` holds as `sasv`, of the ASV's trials whose utterance is in `trials`.

    counts of each kind; asv: its rates at its EER; costs of a-DCF; a_dcf {asv: of the ASV alone,
    joint: of the scores `joint` of the same trials}; t_eer of the ASV and the countermeasure
    `trials`, a fraction; intervals {a_dcf_asv, a_dcf_joint, t_eer}: of a-DCF `crossed` over claimed
    speakers and attacks where there are enough, and each by `speaker`: claimed ones are drawn.
    """
    cm = dict(zip(trials.ids, trials.scores, strict=True))
    own = asv.keep(cm.keys())
    parts = own.split(own.scores)
    tandem = [*own.split(np.array([cm[utt] for utt in own.utts])), *parts]
    scored = {"asv": parts}
    if joint:
        asv.require_same(joint)
        scored["joint"] = own.split(joint.keep(cm.keys()).scores)
    try:
        found = {
            "counts": {kind: part.size for kind, part in zip(KINDS, parts, strict=True)},
            "asv": dict(
                zip(
                    ("accepted_nontarget", "missed_target", "accepted_spoof"),
                    asv_rates(*parts),
                    strict=True,
                )
            ),
            "costs": dict(A_DCF_COSTS),
            "a_dcf": {name: a_dcf(*values) for name, values in scored.items()},
            "t_eer": t_eer(*tandem),
        }
        if replicates:
            found |= _intervals(own, trials, scored, tandem, replicates, seed, level)
    except ValueError as error:
        raise UserError(f"{asv.path}: {error}") from None
    return found


def _intervals(own, trials, scored, tandem, replicates, seed, level):
    speakers = own.split(own.speakers)
    ways, few = _ways(own, trials)
    intervals: dict[str, dict[str, list[float]]] = {}

    def by_speaker(metric, values):
        def drawn(index):
            return metric(*(part[i] for part, i in zip(values, index, strict=True)))

        return list(speaker_interval(drawn, speakers, replicates, seed, level))

    for name, values in scored.items():
        kinds = intervals[f"a_dcf_{name}"] = {"speaker": by_speaker(a_dcf, values)}
        moved = moved_a_dcf(*values)
        # normalised like minDCF, and like it at most 1
        if ways and (found := crossed_interval("min_dcf", moved, list(ways.values()), level)):
            kinds["crossed"] = list(found)

    def both(index):
        return t_eer(*(part[i] for part, i in zip(tandem, [*index, *index], strict=True)))

    intervals["t_eer"] = {
        "speaker": list(speaker_interval(both, speakers, replicates, seed, level))
    }
    return {
        "intervals": intervals,
        "bootstrap": {"level": level, "replicates": replicates, "seed": seed},
        "crossed": {"over": " and ".join(ways), "units": units_text(ways, few)},
    }


def _ways(own, trials):
    """Claimed speakers, and attacks of the spoofs, as `ways.ways_of` gives them."""

    def units(values):
        _, index = np.unique(values, return_inverse=True)
        target, nontarget, spoof = own.split(index)
        return target, np.concatenate([nontarget, spoof])

    found = {"claimed speakers": units(own.speakers)}
    if (trials.data_dir / "utt2attack").is_file():
        names, index = trials.factor("attack")
        of = dict(zip(trials.ids, index, strict=True))
        none = names.index("-") if "-" in names else -1
        values = np.array([of[utt] for utt in own.utts])
        target, nontarget, spoof = own.split(np.where(values == none, -1, values))
        found["attacks"] = target, np.concatenate([nontarget, spoof])
    counts = {words: count_units(way) for words, way in found.items()}
    enough = {words: way for words, way in found.items() if counts[words] >= FEWEST}
    return enough, {words: n for words, n in counts.items() if 0 < n < FEWEST}
