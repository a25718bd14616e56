"""The scores that claims are judged by: of experiments of a recipe, with each of their seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..evaluation.compare import mean_moved
from ..evaluation.layout import scores_path
from ..evaluation.scores import Trials, join
from ..metrics import eer
from .plan import experiment

POINTS = 100  # of an EER
HALVINGS = 10  # of the bona fide speakers, each both ways


class Scored:
    """The experiments of a recipe's folder, with these seeds.

    switched: {name: the training that it is of}; fewer: {name: its seeds}, where it has not all of
    them; diagnosed: the seeds with diagnostics, by default all.
    """

    def __init__(
        self,
        root: Path,
        seeds: Sequence,
        switched: Mapping[str, str],
        fewer: Mapping[str, Sequence] | None = None,
        diagnosed: Sequence = (),
    ) -> None:
        self.root, self.seeds, self.switched = root, list(seeds), switched
        self.fewer, self.diagnosed = dict(fewer or {}), list(diagnosed) or list(seeds)

    def seeds_of(self, name: str) -> list:
        """The seeds of an experiment."""
        return list(self.fewer.get(name, self.seeds))

    def paths(self, name: str, place: Mapping[str, str], seeds: Sequence = ()) -> list[Path]:
        """Where its scores are, of each seed."""
        exps = [self.root / experiment(name, seed) for seed in seeds or self.seeds_of(name)]
        return [scores_path(exp, self.set_of(exp, place["set"])) for exp in exps]

    def one_training(self, first: str, second: str) -> bool:
        """Whether each seed of two names is one training: with a part switched, or another epoch.

        Two whose curves are the same in every byte differ in the choice of their epoch alone.
        """
        if self.switched.get(first) == second:
            return True
        seeds = self.seeds_of(first)
        return seeds == self.seeds_of(second) and all(
            self._curve(first, seed) == self._curve(second, seed) != b"" for seed in seeds
        )

    def _curve(self, name, seed):
        path = self.root / experiment(name, seed) / "curve.csv"
        return path.read_bytes() if path.is_file() else b""

    def set_of(self, exp: Path, name: str) -> str:
        """`dev` is the set that picked the experiment's epoch, where it has one of its own."""
        if name != "dev" or (exp / "dev").is_dir():
            return name
        return next((path.name for path in sorted(exp.glob("dev_*"))), name)

    def trials(self, path: Path, place: Mapping[str, str]) -> Trials:
        """The trials of a file of scores."""
        return join(self.root / "data" / path.parent.name, path, place.get("trials"))

    def runs(
        self, name: str, place: Mapping[str, str], seeds: Sequence = ()
    ) -> tuple[list, Trials]:
        """((scores, scores) of each seed, the trials of the last)."""
        every = [self.trials(path, place) for path in self.paths(name, place, seeds)]
        return [(own.split(), own.split()) for own in every], every[-1]

    def mean(self, name: str, place: Mapping[str, str], seeds: Sequence = ()) -> float:
        """EER in percent, the mean over seeds."""
        return POINTS * mean_moved("eer", self.runs(name, place, seeds)[0]).value

    def both(self, names: Sequence[str], first: Mapping, second: Mapping) -> np.ndarray:
        """(ways, 2, names): EER in percent at two places, so that no bona fide trial is in both.

        Where both are lists of one set, the speakers of its bona fide trials are halved, HALVINGS
        times, each half once at each place; else there is one way, with all trials.
        """
        if first["set"] != second["set"]:
            return np.array([[[self.mean(n, place) for n in names] for place in (first, second)]])
        every = [self._halved(name, (first, second)) for name in names]
        return np.moveaxis(np.array(every), 0, -1)

    def _halved(self, name, places):
        """(ways, 2) EERs of one system, the mean of its seeds."""
        runs = []
        for paths in zip(*(self.paths(name, place) for place in places), strict=True):
            trials = [self.trials(path, own) for path, own in zip(paths, places, strict=True)]
            parts = [own.split() for own in trials]
            runs.append([_eer(parts, masks) for masks in _halves(trials)])
        return np.mean(runs, axis=0)


def _eer(parts, masks):
    """EERs at both places, each with the bona fide trials of its mask."""
    pairs = zip(parts, masks, strict=True)
    return [POINTS * eer(bonafide[mask], spoof) for (bonafide, spoof), mask in pairs]


def _halves(trials: Sequence[Trials]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of masks of bona fide trials, of two lists: speakers of one are not in the other."""
    units = [_bonafide_units(own) for own in trials]
    known = sorted(set(units[0]) | set(units[1]))
    found, rng = [], np.random.default_rng(0)
    for _ in range(HALVINGS):
        chosen = {known[i] for i in rng.permutation(len(known))[: len(known) // 2]}
        inside = [np.array([unit in chosen for unit in own]) for own in units]
        found += [(inside[0], ~inside[1]), (~inside[0], inside[1])]
    if any(not mask.any() for pair in found for mask in pair):
        raise UserError(
            f"{trials[0].data_dir}: found {len(known)} speakers, wanted enough to halve"
        )
    return found


def _bonafide_units(trials):
    """The speaker of each bona fide trial, or itself where none is known."""
    ids = [utt for utt, real in zip(trials.ids, trials.is_bonafide, strict=True) if real]
    if not (trials.data_dir / "utt2spk").is_file():
        return [f"/{utt}" for utt in ids]
    names, index = trials.factor("spk")
    spoken = [names[number] for number in index[trials.is_bonafide]]
    return [f"/{utt}" if who == "-" else who for utt, who in zip(ids, spoken, strict=True)]


def place_text(place: Mapping[str, str]) -> str:
    """A set, and a list of its trials, in words."""
    return f"{place['set']}{' ' * ('trials' in place)}{place.get('trials', '')}"


def spread_of_mean(values: Sequence[float]) -> tuple[float, int] | None:
    """(variance of their mean, degrees of freedom), or None of one."""
    if len(values) < 2:
        return None
    return float(np.var(values, ddof=1)) / len(values), len(values) - 1
