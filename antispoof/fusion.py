"""Calibration and linear fusion of experiments: learnt on the development set, applied to others.

One system is calibration, several are fusion; the rule is the same. No path lets another set
take part in the choice: its labels are never read, and a set that shares an utterance with the
development set is refused.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .calibration import EFFECTIVE_PRIOR, SeparableError, fit_logistic
from .errors import UserError
from .files import atomic_open
from .scores import join, read_scores
from .tables import require_same_keys, write_table


@dataclass(frozen=True)
class Fusion:
    """An affine map from the scores of systems to one natural-log likelihood ratio."""

    systems: tuple
    weights: tuple
    offset: float
    prior: float
    dev_set: str
    n_bonafide: int
    n_spoof: int
    smoothed: bool  # the dev scores part the classes: learnt with Platt's softened answers

    def __call__(self, scores):
        """scores (N, S) -> (N,)."""
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
            json.dump(asdict(self), stream, indent=1, sort_keys=True, allow_nan=False)
            stream.write("\n")


def score_path(exp_dir, name):
    """Where the scores of an experiment on a set stand."""
    return Path(exp_dir) / name / "scores"


def learn(data_dir, dev_set, exp_dirs, prior=EFFECTIVE_PRIOR):
    """A `Fusion` of experiments from their scores on `dev_set`, labelled by `data_dir`.

    Raises UserError where one system's ids differ from the labels' (and so from the others').
    """
    if not 0 < prior < 1:
        raise UserError(f"--prior: found {prior}, wanted a number between 0 and 1")
    dev = [join(data_dir, score_path(exp, dev_set)) for exp in exp_dirs]
    scores = np.stack([trials.scores for trials in dev], axis=1)
    is_bonafide, smoothed = dev[0].is_bonafide, False
    try:
        weights, offset = fit_logistic(scores, is_bonafide, prior)
    except SeparableError:
        smoothed = True
        weights, offset = fit_logistic(scores, is_bonafide, prior, smooth=True)
    return Fusion(
        systems=tuple(Path(exp).name for exp in exp_dirs),
        weights=tuple(map(float, weights)),
        offset=offset,
        prior=prior,
        dev_set=dev_set,
        n_bonafide=int(is_bonafide.sum()),
        n_spoof=int((~is_bonafide).sum()),
        smoothed=smoothed,
    )


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
