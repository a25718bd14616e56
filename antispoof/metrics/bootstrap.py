"""Percentile intervals of the metrics by resampling trials, or whole speakers, with replacement.

A replicate is a count per trial: how often it was drawn. Trials are sorted once; in a replicate
the running sums of the counts take the place of ranks, so that nothing is sorted again and the
official walk through ties (bona fide first, one trial at a time) is kept exactly.

Classes are resampled apart: a tiny set must not lose one. Speakers are drawn apart by what they
spoke (bona fide, spoof, or both), a speaker of both bringing all trials along.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .checks import Pair, sorted_trials
from .detection import COSTS, bayes_threshold, cost_weights
from .llr import softplus

METRICS = ("eer", "min_dcf", "act_dcf", "cllr")
CELLS = 1 << 22  # counts held at once; another number gives other draws, as good
STEP = 64  # first look for the least cost; any number gives the same result


def intervals(
    bonafide: np.ndarray,
    spoof: np.ndarray,
    *,
    llr: Pair | None = None,
    groups: Pair | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    costs: Mapping[str, float] = COSTS,
    metrics: Sequence[str] = METRICS,
) -> dict[str, tuple[float, float]]:
    """{metric: (low, high)} of `metrics`; percentile intervals, the same for the same seed.

    bonafide (nb,), spoof (ns,): scores. llr: their LLRs in the same order, a
    pair of arrays, for act_dcf and cllr (default: the scores). groups: a pair of arrays of
    labels, one per trial, to be drawn whole (speakers); default: each trial by itself.
    """
    tables = Ranked(bonafide, spoof, llr or (bonafide, spoof), costs)
    drawn = draws(tables.sizes, groups, replicates, seed)
    # trials drawn one by one are alike: which is which needs no looking up
    places = (None, None) if groups is None else tables.orders

    def judge(b, s):
        return tables.metrics(b.counts(places[0]), s.counts(places[1]))

    values = _behind(judge, drawn)
    joined = {name: np.concatenate([part[name] for part in values]) for name in metrics}
    return {name: percentiles(joined[name], level) for name in metrics}


def _behind(work, items):
    """[work(*item) of each]; a second thread works on one item while the next is drawn."""
    found: list[Future] = []
    with ThreadPoolExecutor(1) as pool:
        for item in items:
            if len(found) > 1:
                found[-2].result()  # not more than two at once are held
            found.append(pool.submit(work, *item))
        return [future.result() for future in found]


def percentiles(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """(low, high) that hold the middle `level` of `values`."""
    low, high = map(float, np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
    return low, high


@dataclass(frozen=True)
class Drawn:
    """How often each unit was drawn, and the unit of each trial (None: it is one itself)."""

    times: np.ndarray  # (R, units)
    unit: np.ndarray | None  # (N,)

    def counts(self, order: np.ndarray | None = None) -> np.ndarray:
        """(R, N) counts of the trials in `order` (N,), by default as they came; small integers."""
        if self.unit is None:
            return self.times if order is None else self.times[:, order]
        unit = self.unit if order is None else self.unit[order]
        fits = int(self.times.max(initial=0)) * unit.size < 1 << 31  # also what they sum up to
        return self.times.T.astype(np.int32 if fits else np.int64, order="C").take(unit, axis=0).T


def draws(
    sizes: tuple[int, int], groups: Pair | None, replicates: int, seed: int
) -> Iterator[tuple[Drawn, Drawn]]:
    """Yield (bona fide, spoof) pairs of `Drawn`, some replicates at a time, `replicates` in all.

    sizes: trials of each class; groups: as for `intervals`. Whoever judges several systems on the
    same draws compares them in pairs.
    """
    rng = np.random.default_rng(seed)
    draw = _trial_draws(sizes, rng) if groups is None else _group_draws(groups, rng)
    chunk = max(1, CELLS // sum(sizes))
    for start in range(0, replicates, chunk):
        yield draw(min(chunk, replicates - start))


def _trial_draws(sizes, rng):
    def counts(replicates, size):  # row by row: a row's counters stay in the cache
        rows = np.empty((replicates, size), np.int32)
        for row in rows:
            row[:] = np.bincount(rng.integers(size, size=size), minlength=size)
        return rows

    return lambda replicates: tuple(Drawn(counts(replicates, size), None) for size in sizes)


def _group_draws(groups, rng):
    names, code = np.unique(np.concatenate([np.asarray(g) for g in groups]), return_inverse=True)
    code_b, code_s = np.split(code, [len(groups[0])])
    kind = np.isin(np.arange(names.size), code_b) + 2 * np.isin(np.arange(names.size), code_s)
    strata = [np.flatnonzero(kind == value) for value in (1, 2, 3)]

    def draw(replicates):
        times = np.zeros((replicates, names.size), np.int64)
        for members in (m for m in strata if m.size):
            share = np.full(members.size, 1 / members.size)
            times[:, members] = rng.multinomial(members.size, share, size=replicates)
        return Drawn(times, code_b), Drawn(times, code_s)

    return draw


class Ranked:
    """Sorted trials of a set, and the metrics of replicates of it."""

    def __init__(
        self, bonafide: np.ndarray, spoof: np.ndarray, llr: Pair, costs: Mapping[str, float]
    ) -> None:
        bonafide, spoof = np.asarray(bonafide, float), np.asarray(spoof, float)
        sorted_trials(bonafide, spoof)  # refuses what has no metrics
        self.orders = tuple(np.argsort(part, kind="stable") for part in (bonafide, spoof))
        self.sizes = bonafide.size, spoof.size
        self.bonafide, self.spoof = bonafide[self.orders[0]], spoof[self.orders[1]]
        llr_b, llr_s = (np.asarray(part, float) for part in llr)
        self.llr_b, self.llr_s = llr_b[self.orders[0]], llr_s[self.orders[1]]
        self.cost_b, self.cost_s = softplus(-self.llr_b), softplus(self.llr_s)
        self.miss, self.fa = cost_weights(**costs)
        self.threshold = bayes_threshold(**costs)
        # how many of the other class lie before each trial on the official walk
        self.spoof_before = self.spoof.searchsorted(self.bonafide)
        self.bonafide_before = self.bonafide.searchsorted(self.spoof, side="right")

    def metrics(
        self, counts_b: np.ndarray, counts_s: np.ndarray, names: Sequence[str] = METRICS
    ) -> dict[str, np.ndarray]:
        """{metric: (R,)} of replicates with counts (R, nb) and (R, ns), for the metrics `names`."""
        below_b, below_s = _running(counts_b), _running(counts_s)
        n_b, n_s = below_b[:, -1:].astype(np.int64), below_s[:, -1:].astype(np.int64)
        least = min(self.miss, self.fa)

        def act_dcf():
            missed = _count(counts_b, self.llr_b < self.threshold) / n_b[:, 0]
            accepted = _count(counts_s, self.llr_s >= self.threshold) / n_s[:, 0]
            return (self.miss * missed + self.fa * accepted) / least

        def cllr():
            cost_b = _weigh(counts_b, self.cost_b) / n_b[:, 0]
            return (cost_b + _weigh(counts_s, self.cost_s) / n_s[:, 0]) / np.log(4)

        compute = {
            "eer": lambda: self._eer(below_b, below_s, n_b[:, 0], n_s[:, 0]),
            "min_dcf": lambda: self._least_cost(below_b, below_s, n_b, n_s) / least,
            "act_dcf": act_dcf,
            "cllr": cllr,
        }
        return {name: compute[name]() for name in names}

    def _least_cost(self, below_b, below_s, n_b, n_s):
        """Least cost over the points before each trial of the smaller class, and both ends.

        Of every STEP-th point, then of those between two of which the cost could be less: it is at
        least the misses of the left one and the false alarms of the right one.
        """
        if len(self.bonafide) <= len(self.spoof):
            at_b, at_s = np.arange(len(self.bonafide)), self.spoof_before
        else:  # after each spoof trial: as low as before the bona fide trial that follows it
            at_b, at_s = self.bonafide_before, np.arange(len(self.spoof)) + 1

        def missed_and_accepted(row, point):
            k, j = below_b[row, at_b[point]], below_s[row, at_s[point]]
            return self.miss * (k / n_b[row, 0]), self.fa * ((n_s[row, 0] - j) / n_s[row, 0])

        last = at_b.size - 1
        coarse = np.append(np.arange(0, last, STEP), last)
        rows = np.arange(len(n_b))
        missed, accepted = missed_and_accepted(rows[:, None], coarse)
        best = np.minimum((missed + accepted).min(axis=1), min(self.miss, self.fa))
        row, gap = np.nonzero(missed[:, :-1] + accepted[:, 1:] < best[:, None])
        inner = np.minimum(coarse[gap][:, None] + np.arange(1, STEP), last)
        np.minimum.at(best, row, np.add(*missed_and_accepted(row[:, None], inner)).min(axis=1))
        return best

    def _eer(self, below_b, below_s, n_b, n_s):
        """EER of each replicate: bisection to the crossing, as in metrics.detection.crossing."""
        row = np.arange(len(n_b))

        def gap(k, j):
            return k / n_b - (n_s - j) / n_s

        def first(size, reached):
            low, high = np.zeros(row.size, np.int64), np.full(row.size, size - 1)
            while (low < high).any():
                middle = (low + high) // 2
                yes = reached(middle)
                low, high = np.where(yes, low, middle + 1), np.where(yes, middle, high)
            return low

        def after_b(i):
            return below_b[row, i + 1], below_s[row, self.spoof_before[i]]

        def after_s(i):
            return below_b[row, self.bonafide_before[i]], below_s[row, i + 1]

        i_b = first(len(self.bonafide), lambda i: gap(*after_b(i)) >= 0)
        i_s = first(len(self.spoof), lambda i: gap(*after_s(i)) >= 0)
        # the walk position of the two trials tells which of them crosses
        by_b = i_b + self.spoof_before[i_b] < i_s + self.bonafide_before[i_s]
        k, j = (np.where(by_b, *pair) for pair in zip(after_b(i_b), after_s(i_s), strict=True))
        # a trial drawn several times is several steps: find the one at which the gap turns
        k = np.where(by_b, -(-(n_b * (n_s - j)) // n_s), k)
        j = np.where(by_b, j, n_s - (k * n_s) // n_b)
        k_before, j_before = k - by_b, j - ~by_b
        before = np.abs(gap(k_before, j_before)) <= np.abs(gap(k, j))
        k, j = np.where(before, k_before, k), np.where(before, j_before, j)
        return (k / n_b + (n_s - j) / n_s) / 2


def _running(counts):
    """(R, n) counts to (R, n + 1) sums over the trials before each, then over all."""
    sums = np.zeros_like(counts, shape=(len(counts), counts.shape[1] + 1))  # also laid out alike
    np.cumsum(counts, axis=1, dtype=counts.dtype, out=sums[:, 1:])
    return sums


def _count(counts, chosen):
    """(R,) sums of the (R, n) counts that are `chosen` (n,)."""
    return counts[:, np.flatnonzero(chosen)].sum(axis=1, dtype=np.int64)


def _weigh(counts, values):
    """(R, n) counts times (n,) values, summed in one order whatever the number of threads."""
    return np.einsum("rn,n->r", counts, values)
