"""The scores that claims are judged by: of experiments of a recipe, with each of their seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..evaluation.compare import mean_moved
from ..evaluation.layout import scores_path
from ..evaluation.scores import Trials, join
from .plan import experiment

POINTS = 100  # of an EER


class Scored:
    """The experiments of a recipe's folder, with these seeds."""

    def __init__(self, root: Path, seeds: Sequence[int], switched: Mapping[str, str]) -> None:
        self.root, self.seeds, self.switched = root, list(seeds), switched

    def paths(self, name: str, place: Mapping[str, str]) -> list[Path]:
        """Where its scores are, of each seed."""
        exps = [self.root / experiment(name, seed) for seed in self.seeds]
        return [scores_path(exp, self.set_of(exp, place["set"])) for exp in exps]

    def set_of(self, exp: Path, name: str) -> str:
        """`dev` is the set that picked the experiment's epoch, where it has one of its own."""
        if name != "dev" or (exp / "dev").is_dir():
            return name
        return next((path.name for path in sorted(exp.glob("dev_*"))), name)

    def trials(self, path: Path, place: Mapping[str, str]) -> Trials:
        """The trials of a file of scores."""
        return join(self.root / "data" / path.parent.name, path, place.get("trials"))

    def runs(self, name: str, place: Mapping[str, str]) -> tuple[list, Trials]:
        """((scores, scores) of each seed, the trials of the last)."""
        every = [self.trials(path, place) for path in self.paths(name, place)]
        return [(own.split(), own.split()) for own in every], every[-1]

    def mean(self, name: str, place: Mapping[str, str]) -> float:
        """EER in percent, the mean over seeds."""
        return POINTS * mean_moved("eer", self.runs(name, place)[0]).value


def place_text(place: Mapping[str, str]) -> str:
    """A set, and a list of its trials, in words."""
    return f"{place['set']}{' ' * ('trials' in place)}{place.get('trials', '')}"


def spread_of_mean(values: Sequence[float]) -> tuple[float, int] | None:
    """(variance of their mean, degrees of freedom), or None of one."""
    if len(values) < 2:
        return None
    return float(np.var(values, ddof=1)) / len(values), len(values) - 1
