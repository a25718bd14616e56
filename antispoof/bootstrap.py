"""Percentile intervals of the metrics by resampling trials, or whole speakers, with replacement.

A replicate is a count per trial: how often it was drawn. Trials are sorted once; in a replicate
the running sums of the counts take the place of ranks, so that nothing is sorted again and the
official walk through ties (bona fide first, one trial at a time) is kept exactly.

Classes are resampled apart: a tiny set must not lose one. Speakers are drawn apart by what they
spoke (bona fide, spoof, or both), a speaker of both bringing all trials along.
"""

import numpy as np

from .metrics.checks import sorted_trials
from .metrics.detection import COSTS, bayes_threshold, cost_weights
from .metrics.llr import softplus

METRICS = ("eer", "min_dcf", "act_dcf", "cllr")
CELLS = 1 << 22  # counts held at once; bounds memory, not the result


def intervals(
    bonafide,
    spoof,
    *,
    llr=None,
    groups=None,
    replicates=1000,
    seed=0,
    level=0.95,
    costs=COSTS,
):
    """{metric: (low, high)} for METRICS; percentile intervals, the same for the same seed.

    bonafide (nb,), spoof (ns,): scores. llr: their log-likelihood ratios in the same order, a
    pair of arrays, for act_dcf and cllr (default: the scores). groups: a pair of arrays of
    labels, one per trial, to be drawn whole (speakers); default: each trial by itself.
    """
    tables = Ranked(bonafide, spoof, llr or (bonafide, spoof), costs)
    rng = np.random.default_rng(seed)
    chunk = max(1, CELLS // (len(tables.bonafide) + len(tables.spoof)))
    draw = _trial_draws(tables, rng) if groups is None else _group_draws(tables, groups, rng)
    values = [
        tables.metrics(*draw(min(chunk, replicates - start)))
        for start in range(0, replicates, chunk)
    ]
    tails = [(1 - level) / 2, (1 + level) / 2]
    return {
        name: tuple(map(float, np.quantile(np.concatenate([v[name] for v in values]), tails)))
        for name in METRICS
    }


def _trial_draws(tables, rng):
    def counts(replicates, size):  # row by row: a row's counters stay in the cache
        drawn = (rng.integers(size, size=size, dtype=np.int32) for _ in range(replicates))
        return np.stack([np.bincount(row, minlength=size) for row in drawn])

    return lambda replicates: (
        counts(replicates, len(tables.bonafide)),
        counts(replicates, len(tables.spoof)),
    )


def _group_draws(tables, groups, rng):
    names, code = np.unique(np.concatenate([np.asarray(g) for g in groups]), return_inverse=True)
    code_b = code[: len(tables.bonafide)][tables.order_bonafide]
    code_s = code[len(tables.bonafide) :][tables.order_spoof]
    kind = np.isin(np.arange(names.size), code_b) + 2 * np.isin(np.arange(names.size), code_s)
    strata = [np.flatnonzero(kind == value) for value in (1, 2, 3)]

    def draw(replicates):
        times = np.zeros((replicates, names.size), np.int64)
        for members in (m for m in strata if m.size):
            share = np.full(members.size, 1 / members.size)
            times[:, members] = rng.multinomial(members.size, share, size=replicates)
        return times[:, code_b], times[:, code_s]

    return draw


class Ranked:
    """Sorted trials of a set, and the metrics of replicates of it."""

    def __init__(self, bonafide, spoof, llr, costs):
        bonafide, spoof = np.asarray(bonafide, float), np.asarray(spoof, float)
        sorted_trials(bonafide, spoof)  # refuses what has no metrics
        self.order_bonafide = np.argsort(bonafide, kind="stable")
        self.order_spoof = np.argsort(spoof, kind="stable")
        self.bonafide, self.spoof = bonafide[self.order_bonafide], spoof[self.order_spoof]
        llr_b, llr_s = (np.asarray(part, float) for part in llr)
        self.llr_b, self.llr_s = llr_b[self.order_bonafide], llr_s[self.order_spoof]
        self.cost_b, self.cost_s = softplus(-self.llr_b), softplus(self.llr_s)
        self.miss, self.fa = cost_weights(**costs)
        self.threshold = bayes_threshold(**costs)
        # how many of the other class lie before each trial on the official walk
        self.spoof_before = self.spoof.searchsorted(self.bonafide)
        self.bonafide_before = self.bonafide.searchsorted(self.spoof, side="right")

    def metrics(self, counts_b, counts_s):
        """{metric: (R,)} of replicates with counts (R, nb) and (R, ns)."""
        below_b, below_s = _running(counts_b), _running(counts_s)
        n_b, n_s = below_b[:, -1:], below_s[:, -1:]
        missed = _weigh(counts_b, self.llr_b < self.threshold) / n_b[:, 0]
        accepted = _weigh(counts_s, self.llr_s >= self.threshold) / n_s[:, 0]
        cost_b = _weigh(counts_b, self.cost_b) / n_b[:, 0]
        cost_s = _weigh(counts_s, self.cost_s) / n_s[:, 0]
        least = min(self.miss, self.fa)
        return {
            "eer": self._eer(below_b, below_s, n_b[:, 0], n_s[:, 0]),
            "min_dcf": self._least_cost(below_b, below_s, n_b, n_s) / least,
            "act_dcf": (self.miss * missed + self.fa * accepted) / least,
            "cllr": (cost_b + cost_s) / np.log(4),
        }

    def _least_cost(self, below_b, below_s, n_b, n_s):
        """Least cost over the points before each trial of the smaller class, and both ends."""
        if len(self.bonafide) <= len(self.spoof):
            k, j = below_b[:, :-1], below_s[:, self.spoof_before]
        else:  # after each spoof trial: as low as before the bona fide trial that follows it
            k, j = below_b[:, self.bonafide_before], below_s[:, 1:]
        cost = self.miss * (k / n_b) + self.fa * ((n_s - j) / n_s)
        return np.minimum(cost.min(axis=1), min(self.miss, self.fa))

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
    sums = np.zeros((len(counts), counts.shape[1] + 1), np.int64)
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums


def _weigh(counts, values):
    """(R, n) counts times (n,) values, summed in one order whatever the number of threads."""
    return np.einsum("rn,n->r", counts, values)
