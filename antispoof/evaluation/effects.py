"""How much of a score, or of a difference of two systems, is the speaker's, the attack's, or noise.

What a set of trials shows of that says how often an interval holds (benchmarks/coverage.py), and
how many speakers and attacks a difference needs (steps/plan_trials.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ..metrics.checks import Pair
from ..metrics.crossed import Moved, Way, count_units


@dataclass(frozen=True)
class Effects:
    """Standard deviations at a noise of 1: of speakers by what they spoke, and of attacks."""

    bonafide_speaker: float
    spoof_speaker: float
    attack: float


def effects_of(scores: Pair, speakers: Way, attacks: Way) -> Effects:
    """By the mean product of two trials that share a speaker, or an attack, and nothing else.

    Spoof trials without an attack (-1) are left out. ValueError where nothing is noise.
    """
    apart = [part - part.mean() for part in scores]
    known = attacks[1] >= 0
    spoken, made = speakers[1][known], attacks[1][known]
    apart[1] = apart[1][known]
    bonafide = _shared(apart[0], speakers[0])
    both = spoken * (int(made.max()) + 1) + made
    spoof = _shared(apart[1], spoken, both)
    attack = _shared(apart[1], made, both)
    noise = np.square(apart[0]).mean() - bonafide, np.square(apart[1]).mean() - spoof - attack
    if min(noise) <= 0:
        raise ValueError(
            "found no noise within speakers and attacks, wanted several trials of each"
        )
    return Effects(
        float(np.sqrt(bonafide / noise[0])),
        float(np.sqrt(spoof / noise[1])),
        float(np.sqrt(attack / noise[1])),
    )


def _shared(values, units, but=None):
    """The mean product of two values of one unit that are not of one cell `but`; at least 0."""
    pairs, total = _products(values, units)
    if but is None:
        return max(0.0, (total - np.square(values).sum()) / max(pairs - len(values), 1))
    inner, inside = _products(values, np.unique(but, return_inverse=True)[1])
    return max(0.0, (total - inside) / max(pairs - inner, 1))


def _products(values, units):
    """(pairs, sum of their products) of values of one unit, each also with itself."""
    return np.square(np.bincount(units)).sum(), np.square(np.bincount(units, values)).sum()


@dataclass(frozen=True)
class Spread:
    """Variances of a difference of two systems: of one speaker, one attack, one trial, one seed."""

    speaker: float
    attack: float
    trial: float
    seed: float
    trials_each: float  # trials of a speaker

    def error(self, speakers: int, attacks: int, seeds: int) -> tuple[float, float]:
        """(standard error, degrees of freedom) of the difference over so many, drawn at random.

        Of both systems' seeds, as `crossed.error_of` joins them; one seed tells nothing of others.
        """
        trials = self.trial / (speakers * self.trials_each)
        own = self.speaker / speakers + self.attack / attacks + trials
        luck, freedom = self.seed / seeds, float(min(speakers, attacks) - 1)
        if seeds > 1 and luck:
            freedom = (own + luck) ** 2 / (own**2 / freedom + luck**2 / (2 * (seeds - 1)))
        return float(np.sqrt(own + luck)), float(freedom)

    def smallest(
        self, speakers: int, attacks: int, seeds: int, power: float = 0.8, level: float = 0.95
    ) -> float:
        """The least difference that its interval of `level` excludes 0 for, with this power."""
        error, freedom = self.error(speakers, attacks, seeds)
        return float((stdtrit(freedom, (1 + level) / 2) + stdtrit(freedom, power)) * error)


def spread_of(difference: Moved, speakers: Way, attacks: Way, by_seed: Sequence[float]) -> Spread:
    """Of what each trial moves a difference of two systems by, and of its value for each seed."""
    both = np.concatenate([difference.bonafide, difference.spoof])
    spoken, made = np.concatenate(speakers), np.concatenate(attacks)
    known = made >= 0
    _, cells = np.unique(spoken[known] * (int(made.max()) + 1) + made[known], return_inverse=True)
    within = float(np.square(both).sum())
    cell = float(np.square(np.bincount(cells, both[known])).sum())
    counts = count_units(speakers), count_units(attacks)
    sums = np.bincount(spoken, both), np.bincount(made[known], both[known])
    inside = cell + float(np.square(both[~known]).sum()), cell  # of what shares no more than a unit
    parts = [
        max(0.0, float(np.square(s).sum()) - c) * n
        for s, c, n in zip(sums, inside, counts, strict=True)
    ]
    seed = float(np.var(by_seed, ddof=1)) if len(by_seed) > 1 else 0.0
    each = len(both) / counts[0]
    return Spread(parts[0], parts[1], within * len(both), seed, each)
