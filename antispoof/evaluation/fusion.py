"""Calibration and linear fusion of experiments: learnt on the development set, applied to others.

One system is calibration, several are fusion; the rule is the same. Two baselines give every system
the same say: the mean of scores standardised on dev, and the mean of ranks among the dev scores,
both then calibrated like a single system. No path lets another set take part in the choice: its
labels are never read, and a set that shares an utterance with the development set is refused.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..data.data_dir import refuse_reported
from ..data.json_files import read_json, write_json
from ..data.tables import require_same_keys, write_table
from ..errors import UserError
from ..metrics import cllr
from .fusion_record import SHAPE, from_record, to_record
from .fusion_rules import RULES, ranks
from .layout import scores_path
from .logistic import EFFECTIVE_PRIOR, unusable
from .scores import Trials, join, read_scores


@dataclass(frozen=True)
class Fusion:
    """A map from the scores of systems to one LLR, in natural log.

    `Fusion.fit(scores, is_bonafide)` learns one, `save` and `load` keep it as JSON, and a call maps
    scores. `steps/fuse.py` writes it to fusion.json of the experiment that it makes.
    """

    systems: tuple
    rule: str  # logistic, mean or rank
    weights: tuple
    offset: float
    prior: float
    dev_set: str
    n_bonafide: int
    n_spoof: int
    smoothed: bool  # the dev scores part the classes: learnt with Platt's softened answers
    dev_cllr: float  # of what was learnt, on what it was learnt from
    dev_scores: np.ndarray | None = None  # rank: (N, S) ascending; shares of these are mapped
    unseen: dict[str, list[str]] | None = None  # {attack: experiments without it that taught it}

    program: ClassVar[str] = "steps/fuse.py"

    @classmethod
    def fit(
        cls,
        scores: np.ndarray,
        is_bonafide: np.ndarray,
        systems: tuple = (),
        *,
        prior: float = EFFECTIVE_PRIOR,
        rule: str = "logistic",
        dev_set: str = "dev",
    ) -> "Fusion":
        """Learn from development trials: scores (N,) or (N, S), is_bonafide (N,) bool.

        systems: their names, by default system1, system2, ... Raises ValueError for scores that
        nothing can be learnt from; see `calibration.fit_logistic`.
        """
        scores = _columns(scores)
        is_bonafide = np.asarray(is_bonafide, bool)
        names = tuple(systems) or tuple(f"system{n}" for n in range(1, scores.shape[1] + 1))
        cls._check(names, rule)
        weights, offset, smoothed = RULES[rule](scores, is_bonafide, prior)
        learnt = cls(
            systems=names,
            rule=rule,
            weights=tuple(map(float, weights)),
            offset=float(offset),
            prior=prior,
            dev_set=dev_set,
            n_bonafide=int(is_bonafide.sum()),
            n_spoof=int((~is_bonafide).sum()),
            smoothed=smoothed,
            dev_cllr=0.0,
            dev_scores=np.sort(scores, axis=0) if rule == "rank" else None,
        )
        llr = learnt._map(scores)
        return replace(learnt, dev_cllr=cllr(llr[is_bonafide], llr[~is_bonafide]))

    @classmethod
    def _check(cls, systems, rule):
        """ValueError for what this kind of map cannot be made of."""
        if rule not in RULES:
            raise ValueError(f"found the rule '{rule}', wanted {', '.join(RULES)}")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Ratios (N,) of scores (N, S), or of scores (N,) of one system.

        Raises ValueError for another number of systems, and for numbers that are not finite.
        """
        scores = _columns(scores)
        if scores.shape[1] != len(self.systems):
            raise ValueError(
                f"found scores of {scores.shape[1]} systems, wanted {len(self.systems)}: "
                f"{', '.join(self.systems)}"
            )
        if not np.isfinite(scores).all():
            raise ValueError("found a score that is no finite number")
        with np.errstate(over="ignore", invalid="ignore"):
            llr = self._map(scores)
        for index in np.flatnonzero(~np.isfinite(llr)):
            raise NotFinite(int(index), scores[index].tolist())
        return llr

    def _map(self, scores):
        scores = scores if self.dev_scores is None else ranks(scores, self.dev_scores)
        # in one order: how a product of matrices rounds depends on their place in memory
        return sum(w * own for w, own in zip(self.weights, scores.T, strict=True)) + self.offset

    def warnings(self) -> Iterator[str]:
        """What a user should know of this map, as lines."""
        if self.smoothed:
            yield (
                f"{self.dev_set}: the scores of {', '.join(self.systems)} part the classes without "
                "an error, so the best weight is infinite; learnt with softened answers (Platt)"
            )
        for name, weight in zip(self.systems, self.weights, strict=True):
            if len(self.systems) == 1 and weight < 0:
                yield (
                    f"{name}: on {self.dev_set} bona fide scores lower (slope {weight:.4g}); "
                    "its LLRs are turned round; is the sign of the scores flipped?"
                )
            elif weight < 0:
                yield f"{name}: has the negative weight {weight:.4g} in the fusion"

    def save(self, path: str | Path) -> None:
        """Write everything as JSON: sorted keys, numbers that read back as they were."""
        write_json(path, to_record(asdict(self)))

    @classmethod
    def load(cls, path: str | Path) -> "Fusion":
        """Read what `save` wrote. Raises UserError, in one line, for anything else."""
        remedy = f"run {cls.program} again"
        found = read_json(path, SHAPE, missing=remedy, wrong=remedy)
        try:
            cls._check(found["systems"], found["rule"])
            known = from_record(found)
        except ValueError as error:
            raise UserError(f"{path}: {error}; {remedy}") from None
        return cls(**known)


class Calibration(Fusion):
    """The map of one system's scores, (N,), to LLRs in natural log, a line.

    `steps/calibrate.py` writes it to calibration.json of the experiment.
    """

    program = "steps/calibrate.py"

    @classmethod
    def _check(cls, systems, rule):
        super()._check(systems, rule)
        if len(systems) != 1 or rule != "logistic":
            raise ValueError(
                f"found {len(systems)} systems by the rule '{rule}', wanted one by 'logistic'"
            )


class NotFinite(ValueError):
    """A trial whose LLR is beyond all numbers: its index, and its scores."""

    def __init__(self, index: int, scores: list[float]) -> None:
        super().__init__(f"trial {index}: the LLR of the scores {scores} is no finite number")
        self.index, self.scores = index, scores


def _columns(scores):
    scores = np.asarray(scores, np.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2:
        raise ValueError(f"found scores {scores.shape}, wanted (N,) or (N, systems)")
    return scores


def learn(
    data_dir: str | Path,
    dev_set: str,
    exp_dirs: list,
    prior: float = EFFECTIVE_PRIOR,
    rule: str = "logistic",
    kind: type[Fusion] = Fusion,
) -> Fusion:
    """A `Fusion` of experiments from their scores on `dev_set`, labelled by `data_dir`.

    Raises UserError where one system's ids differ from the labels' (and so from the others'), where
    nothing can be learnt from its scores, or where the set is, by its name, one to report on.
    """
    if not 0 < prior < 1:
        raise UserError(f"--prior: found {prior}, wanted a number between 0 and 1")
    dev = [join(data_dir, scores_path(exp, dev_set)) for exp in exp_dirs]
    for name in (data_dir, dev_set):
        refuse_reported("--data", name)
    for exp, trials in zip(exp_dirs, dev, strict=True):
        require_usable(scores_path(exp, dev_set), trials)
    scores = np.stack([trials.scores for trials in dev], axis=1)
    is_bonafide = dev[0].is_bonafide
    systems = tuple(Path(exp).name for exp in exp_dirs)
    try:
        return kind.fit(scores, is_bonafide, systems, prior=prior, rule=rule, dev_set=dev_set)
    except ValueError as error:
        what = f"{data_dir}: {', '.join(systems)} by the rule '{rule}'"
        raise UserError(f"{what}: {error}; use another --rule") from None


def require_usable(path: Path, trials: Trials) -> None:
    """Raise UserError where no line can be learnt from the scores of a file."""
    if found := unusable(trials.scores):
        raise UserError(f"{path}: {trials.ids[found[0]]}: {found[1]}")


def apply(fusion: Fusion, name: str, exp_dirs: list) -> dict[str, float]:
    """{utterance: LLR in natural log} of the set `name`.

    Raises UserError where the systems' ids differ, where another set than the development set
    holds one of its utterances, or where an LLR is no finite number.
    """
    paths = [scores_path(exp, name) for exp in exp_dirs]
    tables = [read_scores(path) for path in paths]
    for path, table in zip(paths[1:], tables[1:], strict=True):
        require_same_keys(tables[0], table, paths[0], path)
    if name != fusion.dev_set:
        dev_path = scores_path(exp_dirs[0], fusion.dev_set)
        shared = tables[0].keys() & read_scores(dev_path).keys()
        if shared:
            raise UserError(
                f"{paths[0]}: '{min(shared)}' is also in {dev_path} ({len(shared)} in all); "
                "a set to be judged must share no utterance with the one that is learnt from"
            )
    scores = np.array([list(table.values()) for table in tables]).T
    try:
        return dict(zip(tables[0], map(float, fusion(scores)), strict=True))
    except NotFinite as error:
        raise UserError(
            f"{paths[0]}: {list(tables[0])[error.index]}: found the scores {error.scores}, whose "
            f"LLR is no finite number; wanted scores like those of {fusion.dev_set}"
        ) from None


def write_scores(path: str | Path, scores: dict[str, float]) -> None:
    """Write {utterance: number} so that every number reads back as it was."""
    write_table(path, {utt: repr(score) for utt, score in scores.items()})
