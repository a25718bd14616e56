"""Intervals for speakers and attacks drawn at once, from how much each trial moves a metric.

A bootstrap of speakers leaves the attacks as they are, and its intervals hold the value of the
population in far fewer cases than they say. Here a metric is written as a sum over trials, to first
order; the sums over the trials of each speaker, and of each attack, give the variance that new
speakers and new attacks bring, and Student's t with the fewest units less one gives the interval,
on a scale on which the metric has no end. benchmarks/coverage.py measures how often it holds.

Source: Cameron, Gelbach and Miller (2011), doi:10.1198/jbes.2010.07136. They subtract the whole
variance over cells of one speaker and attack, which counts twice in the sum; with few units that
leaves too little for a value, so that half of it is subtracted there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit, stdtr, stdtrit

from .checks import Pair
from .detection import (
    COSTS,
    bayes_threshold,
    cost_weights,
    crossing,
    minimum_on_curve,
    threshold_at,
)
from .llr import softplus

FEWEST = 5  # units below which a set says nothing of others
NOTHING = 1e-12  # an error below it is that of rounding
OF_VALUE, OF_DIFFERENCE = 0.5, 1.0  # of the variance over cells, what is subtracted
Way = tuple[np.ndarray, np.ndarray]  # of each (bona fide, spoof) trial its unit, from 0; -1: none


@dataclass(frozen=True)
class Moved:
    """A metric's value, and how much each bona fide (nb,) and spoof (ns,) trial moves it."""

    value: float
    bonafide: np.ndarray
    spoof: np.ndarray
    equal: bool = False  # of a difference: trials move the two values, each of them by the same

    def __sub__(self, other: "Moved") -> "Moved":
        found = Moved(
            self.value - other.value, self.bonafide - other.bonafide, self.spoof - other.spoof
        )
        equal = found.value == 0 and found.still and not self.still
        return replace(found, equal=equal)

    @property
    def still(self) -> bool:
        """Whether no trial moves the value: no error was seen, or nothing else."""
        return float(np.abs(self.bonafide).sum() + np.abs(self.spoof).sum()) < NOTHING


def moved(
    metric: str,
    bonafide: np.ndarray,
    spoof: np.ndarray,
    llr: Pair | None = None,
    costs: Mapping[str, float] = COSTS,
) -> Moved:
    """`metric` (eer, min_dcf, act_dcf or cllr) of scores (nb,), (ns,); the last two of LLRs."""
    scores = np.asarray(bonafide, float), np.asarray(spoof, float)
    llrs = scores if llr is None else tuple(np.asarray(part, float) for part in llr)
    if metric == "cllr":
        return _mean_of(softplus(-llrs[0]) / np.log(4), softplus(llrs[1]) / np.log(4))
    miss, fa = cost_weights(**costs)
    least = min(miss, fa)
    if metric == "act_dcf":
        threshold = bayes_threshold(**costs)
        return _errors(llrs, threshold, miss / least, fa / least)
    ordered = np.sort(scores[0]), np.sort(scores[1])
    if (
        metric == "min_dcf"
    ):  # the threshold is the best one: to first order, moving it costs nothing
        cost, point = minimum_on_curve(*ordered, miss, fa)
        threshold = np.nextafter(threshold_at(*ordered, *point), np.inf)
        found = _errors(scores, threshold, miss / least, fa / least)
        return Moved(cost / least, found.bonafide, found.spoof)
    point = crossing(*ordered)
    threshold = np.nextafter(threshold_at(*ordered, *point), np.inf)
    dense_b, dense_s = (_density(part, threshold) for part in scores)
    share = dense_s / (dense_b + dense_s) if dense_b + dense_s > 0 else 0.5
    found = _errors(scores, threshold, share, 1 - share)
    rates = point[0] / len(scores[0]), 1 - point[1] / len(scores[1])
    return Moved(sum(rates) / 2, found.bonafide, found.spoof)


def _errors(scores, threshold, miss, fa):
    return _mean_of(miss * (scores[0] < threshold), fa * (scores[1] >= threshold))


def _mean_of(bonafide, spoof):
    """The sum of two means, and the share of each trial in what it differs from them."""
    means = bonafide.mean(), spoof.mean()
    parts = ((x - m) / len(x) for x, m in zip((bonafide, spoof), means, strict=True))
    return Moved(float(sum(means)), *parts)


def _density(scores, place):
    """Gaussian kernel estimate at `place`, with Silverman's width."""
    spread = np.subtract(*np.quantile(scores, [0.75, 0.25])) / 1.34
    width = 1.06 * (min(scores.std(), spread) or scores.std()) * len(scores) ** -0.2
    if not width > 0:
        return 0.0
    return float(np.exp(-(((scores - place) / width) ** 2) / 2).mean() / width)


def count_units(way: Way) -> int:
    """How many units there are in the trials."""
    return len(np.unique(np.concatenate([part[part >= 0] for part in way])))


def cells_of(ways: Sequence[Way]) -> tuple[np.ndarray, np.ndarray]:
    """(which trials have a unit of every way (N,), the cell of each of them)."""
    codes = [np.concatenate(way) for way in ways]
    inside = np.all([code >= 0 for code in codes], axis=0)
    cells = np.zeros(int(inside.sum()), np.int64)
    for code in codes:
        cells = cells * (int(code.max()) + 1) + code[inside]
    return inside, np.unique(cells, return_inverse=True)[1]


def variance(own: Moved, ways: Sequence[Way], subtracted: float) -> tuple[float, int]:
    """(variance, degrees of freedom) of `own.value` where the units of each of `ways` are drawn.

    subtracted: how much of the variance over cells, which each of `ways` counts again.
    """
    both = np.concatenate([own.bonafide, own.spoof])
    parts, counts = [], []
    for way in ways:
        code = np.concatenate(way)
        sums = np.bincount(code[code >= 0], both[code >= 0])
        counts.append(count_units(way))
        parts.append(counts[-1] / (counts[-1] - 1) * float(np.square(sums).sum()))
    total = sum(parts)
    if len(ways) > 1:
        inside, cells = cells_of(ways)
        within = float(np.square(np.bincount(cells, both[inside])).sum())
        total -= subtracted * (len(ways) - 1) * within
    return max(total, *parts), min(counts) - 1


LINKS: dict[str, tuple[Callable, Callable, Callable]] = {  # to a line, back, and the slope
    "eer": (logit, expit, lambda v: 1 / (v * (1 - v))),
    "min_dcf": (np.log, lambda x: min(1.0, np.exp(x)), lambda v: 1 / v),
    "act_dcf": (np.log, np.exp, lambda v: 1 / v),
    "cllr": (np.log, np.exp, lambda v: 1 / v),
}


def crossed_interval(
    metric: str, own: Moved, ways: Sequence[Way], level: float = 0.95
) -> tuple[float, float] | None:
    """(low, high) of a metric's value; None where the trials do not say how much it moves.

    Of an EER of 0, high is the limit for independent trials: errors that were not seen cannot say
    how they gather. A cost of 0 has no interval.
    """
    if metric == "eer" and own.value <= 0:
        size = min(len(own.bonafide), len(own.spoof))
        return 0.0, float(1 - ((1 - level) / 2) ** (1 / size))
    if own.value <= 0:
        return None
    spread, freedom = variance(own, ways, OF_VALUE)
    if spread <= 0 or (metric == "eer" and own.value >= 1):
        return None
    to, back, slope = LINKS[metric]
    half = stdtrit(freedom, (1 + level) / 2) * np.sqrt(spread) * slope(own.value)
    return float(back(to(own.value) - half)), float(back(to(own.value) + half))


def error_of(
    own: Moved, ways: Sequence[Way], seeds: Sequence[tuple[float, int]] = ()
) -> tuple[float, float]:
    """(standard error, degrees of freedom) of a difference; seeds: as `crossed_difference`."""
    parts = [variance(own, ways, OF_DIFFERENCE), *seeds]
    total = sum(spread for spread, _ in parts)
    freedom = total**2 / max(sum(spread**2 / df for spread, df in parts), 1e-300)
    return float(np.sqrt(total)), float(freedom)


def still_half(own: Moved, ways: Sequence[Way], level: float) -> float:
    """Half the width of the interval of a difference that no trial moves.

    Nothing says then how much it moves, as of two systems without an error: the interval holds 0,
    and on both sides of it a rate that the fewest units may still have and not show. 0 of two equal
    systems.
    """
    if own.equal:
        return 0.0
    fewest = min(map(count_units, ways))
    return abs(own.value) + float(1 - ((1 - level) / 2) ** (1 / fewest))


def crossed_difference(
    own: Moved, ways: Sequence[Way], level: float = 0.95, seeds: Sequence[tuple[float, int]] = ()
) -> tuple[tuple[float, float], float]:
    """((low, high), two-sided p) of a difference of two values.

    seeds: (variance, degrees of freedom) that the seeds of each add, by Satterthwaite's rule.
    """
    error, freedom = error_of(own, ways, seeds)
    if not error > NOTHING:
        half = still_half(own, ways, level)
        return (own.value - half, own.value + half), 1.0
    half = float(stdtrit(freedom, (1 + level) / 2) * error)
    p = 2 * float(stdtr(freedom, -abs(own.value) / error))
    return (own.value - half, own.value + half), p
