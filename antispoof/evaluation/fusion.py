"""Calibration and linear fusion of experiments: learnt on the development set, applied to others.

One system is calibration, several are fusion; the rule is the same. Two baselines give every system
the same say: the mean of scores standardised on dev, and the mean of ranks among the dev scores,
both then calibrated like a single system. No path lets another set
take part in the choice: its labels are never read, and a set that shares an utterance with the
development set is refused.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..data.data_dir import refuse_reported
from ..data.tables import require_same_keys, write_table
from ..errors import UserError
from ..files import atomic_open
from ..metrics import cllr
from .logistic import EFFECTIVE_PRIOR, SeparableError, fit_logistic
from .scores import join, read_scores


@dataclass(frozen=True)
class Fusion:
    """An affine map from the scores of systems to one natural-log likelihood ratio."""

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
    dev_scores: np.ndarray = None  # rank: (N, S) ascending; the map is affine in shares of these

    def __call__(self, scores):
        """scores (N, S) -> (N,)."""
        scores = scores if self.dev_scores is None else ranks(scores, self.dev_scores)
        return scores @ np.array(self.weights) + self.offset

    def warnings(self):
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
                    "its ratios are turned round; is the sign of the scores flipped?"
                )
            elif weight < 0:
                yield f"{name}: has the negative weight {weight:.4g} in the fusion"

    def save(self, path):
        """Write everything as JSON: sorted keys, numbers that read back as they were."""
        with atomic_open(path) as stream:
            known = {key: value for key, value in asdict(self).items() if key != "dev_scores"}
            json.dump(known, stream, indent=1, sort_keys=True, allow_nan=False)
            stream.write("\n")


def score_path(exp_dir, name):
    """Where the scores of an experiment on a set stand."""
    return Path(exp_dir) / name / "scores"


def learn(data_dir, dev_set, exp_dirs, prior=EFFECTIVE_PRIOR, rule="logistic"):
    """A `Fusion` of experiments from their scores on `dev_set`, labelled by `data_dir`.

    Raises UserError where one system's ids differ from the labels' (and so from the others'), or
    where the set is, by its name, one to report on.
    """
    if not 0 < prior < 1:
        raise UserError(f"--prior: found {prior}, wanted a number between 0 and 1")
    dev = [join(data_dir, score_path(exp, dev_set)) for exp in exp_dirs]
    for name in (data_dir, dev_set):
        refuse_reported("--data", name)
    scores = np.stack([trials.scores for trials in dev], axis=1)
    is_bonafide = dev[0].is_bonafide
    weights, offset, smoothed = RULES[rule](scores, is_bonafide, prior)
    learnt = Fusion(
        systems=tuple(Path(exp).name for exp in exp_dirs),
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
    llr = learnt(scores)
    return replace(learnt, dev_cllr=cllr(llr[is_bonafide], llr[~is_bonafide]))


def _logistic(scores, is_bonafide, prior):
    try:
        return *fit_logistic(scores, is_bonafide, prior), False
    except SeparableError:
        return *fit_logistic(scores, is_bonafide, prior, smooth=True), True


def _mean(scores, is_bonafide, prior):
    centre, scale = scores.mean(axis=0), scores.std(axis=0)
    joint = ((scores - centre) / scale).mean(axis=1)
    (slope,), offset, smoothed = _logistic(joint, is_bonafide, prior)
    weights = slope / scale / scale.size  # of the scores as they are
    return weights, offset - weights @ centre, smoothed


def _rank(scores, is_bonafide, prior):
    joint = ranks(scores, np.sort(scores, axis=0)).mean(axis=1)
    (slope,), offset, smoothed = _logistic(joint, is_bonafide, prior)
    return np.full(scores.shape[1], slope / scores.shape[1]), offset, smoothed


RULES = {"logistic": _logistic, "mean": _mean, "rank": _rank}


def ranks(scores, known):
    """The share of `known` (N, S), ascending, below each of `scores` (M, S); a tie counts half."""
    columns = zip(known.T, scores.T, strict=True)
    below = [own.searchsorted(s) + own.searchsorted(s, side="right") for own, s in columns]
    return np.stack(below, axis=1) / (2 * len(known))


def apply(fusion, name, exp_dirs):
    """{utterance: natural-log likelihood ratio} of the set `name`.

    Raises UserError where the systems' ids differ, or where another set than the development set
    holds one of its utterances.
    """
    paths = [score_path(exp, name) for exp in exp_dirs]
    tables = [read_scores(path) for path in paths]
    for path, table in zip(paths[1:], tables[1:], strict=True):
        require_same_keys(tables[0], table, paths[0], path)
    if name != fusion.dev_set:
        dev_path = score_path(exp_dirs[0], fusion.dev_set)
        shared = tables[0].keys() & read_scores(dev_path).keys()
        if shared:
            raise UserError(
                f"{paths[0]}: '{min(shared)}' is also in {dev_path} ({len(shared)} in all); "
                "a set to be judged must share no utterance with the one that is learnt from"
            )
    scores = np.array([list(table.values()) for table in tables]).T
    return dict(zip(tables[0], map(float, fusion(scores)), strict=True))


def write_scores(path, scores):
    """Write {utterance: number} so that every number reads back as it was."""
    write_table(path, {utt: repr(score) for utt, score in scores.items()})
