"""Equal error rate and detection costs, along the official curve.

The official tools sort both classes together, bona fide first inside a tie, and look at the
N + 1 points between trials: `frr = k / nb` after k bona fide trials, `far = (ns - j) / ns` after
j spoof trials. Ties are walked through one trial at a time and nothing is interpolated. Going up,
a bona fide trial only raises frr and a spoof trial only lowers far. So frr - far rises all the
way, which lets bisection find the crossing; and a cost is least just before a bona fide trial or
at the end, which leaves nb + 1 candidates.
"""

from bisect import bisect_left
from math import log
from types import MappingProxyType

import numpy as np

from .checks import checked_trials, sorted_trials

# ASVspoof 5, track 1; see `cost_weights`
COSTS = MappingProxyType({"p_spoof": 0.05, "c_miss": 1.0, "c_fa": 10.0})
GRID = 512  # first look of `minimum_on_curve`; any number gives the same result


def eer(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Equal error rate, a fraction: mean of frr and far where they first come closest.

    Can exceed 0.5 (scores upside down). Source: compute_eer of ASVspoof 2019, 2021 and 5.
    """
    return eer_sorted(*sorted_trials(bonafide, spoof))


def eer_sorted(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """`eer` of ascending arrays that were checked before; all scores equal gives 1."""
    k, j = crossing(bonafide, spoof)
    return (k / bonafide.size + (spoof.size - j) / spoof.size) / 2


def eer_threshold(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """The official threshold of `eer`: the highest score that is still rejected there."""
    bonafide, spoof = sorted_trials(bonafide, spoof)
    return threshold_at(bonafide, spoof, *crossing(bonafide, spoof))


def eer_interpolated(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Equal error rate by the other common definition, a fraction: where frr and far cross.

    The points between distinct scores are joined by straight lines, so that tied trials are passed
    together. It is what `brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1)` finds on the ROC
    of scikit-learn. Without ties it differs from `eer` by less than a step of frr or far.
    """
    bonafide, spoof = sorted_trials(bonafide, spoof)
    thresholds = np.unique(np.concatenate([bonafide, spoof]))
    frr = np.append(bonafide.searchsorted(thresholds) / bonafide.size, 1.0)
    far = np.append((spoof.size - spoof.searchsorted(thresholds)) / spoof.size, 0.0)
    after = int(np.argmax(frr >= far))  # above 0: the first point is frr 0, far 1
    before = after - 1
    low, high = far[before] - frr[before], frr[after] - far[after]
    share = low / (low + high)
    return float(far[before] + share * (far[after] - far[before]))


def crossing(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[int, int]:
    """(bona fide, spoof) trials rejected at the first point where |frr - far| is least."""
    nb, ns = bonafide.size, spoof.size

    def gap(k, j):
        return k / nb - (ns - j) / ns

    # the first bona fide and the first spoof trial after which frr >= far; the earlier one counts
    k = bisect_left(range(nb), 1, key=lambda k: gap(k + 1, spoof.searchsorted(bonafide[k])) >= 0)
    j = bisect_left(
        range(ns), 1, key=lambda j: gap(bonafide.searchsorted(spoof[j], side="right"), j + 1) >= 0
    )
    below, upto = (
        int(spoof.searchsorted(bonafide[k])),
        int(bonafide.searchsorted(spoof[j], "right")),
    )
    if k + 1 + below < upto + j + 1:
        before, after = (k, below), (k + 1, below)
    else:
        before, after = (upto, j), (upto, j + 1)
    return before if abs(gap(*before)) <= abs(gap(*after)) else after


def threshold_at(bonafide: np.ndarray, spoof: np.ndarray, k: int, j: int) -> float:
    """The score of the last of k + j rejected trials; 0.001 below the least where none is."""
    last = max(bonafide[k - 1] if k else -np.inf, spoof[j - 1] if j else -np.inf)
    return float(last) if k + j else float(min(bonafide[0], spoof[0]) - 0.001)


def min_dcf(bonafide: np.ndarray, spoof: np.ndarray, **costs: float) -> float:
    """Least normalised detection cost over all thresholds; 1 = no better than a fixed answer.

    min((1 - p_spoof) c_miss frr + p_spoof c_fa far) / min((1 - p_spoof) c_miss, p_spoof c_fa).
    costs: those of `cost_weights`, here and below.
    """
    miss, fa = cost_weights(**costs)
    return minimum_on_curve(*sorted_trials(bonafide, spoof), miss, fa)[0] / min(miss, fa)


def min_dcf_threshold(bonafide: np.ndarray, spoof: np.ndarray, **costs: float) -> float:
    """The highest score that is still rejected where the cost is least."""
    bonafide, spoof = sorted_trials(bonafide, spoof)
    point = minimum_on_curve(bonafide, spoof, *cost_weights(**costs))[1]
    return threshold_at(bonafide, spoof, *point)


def cost_weights(
    *,
    p_spoof: float = COSTS["p_spoof"],
    c_miss: float = COSTS["c_miss"],
    c_fa: float = COSTS["c_fa"],
) -> tuple[float, float]:
    """What frr and far weigh in the cost. ValueError unless all of it is positive.

    p_spoof: prior of spoof; c_miss, c_fa: cost of a rejected bona fide, an accepted spoof trial.
    """
    if not 0 < p_spoof < 1 or c_miss <= 0 or c_fa <= 0:
        raise ValueError(
            f"found p_spoof {p_spoof}, c_miss {c_miss}, c_fa {c_fa}; "
            "wanted 0 < p_spoof < 1 and costs above 0"
        )
    return (1 - p_spoof) * c_miss, p_spoof * c_fa


def minimum_on_curve(
    bonafide: np.ndarray, spoof: np.ndarray, miss: float, fa: float
) -> tuple[float, tuple[int, int]]:
    """Least `miss * frr + fa * far` (weights >= 0) and its (bona fide, spoof) rejected.

    Looks at every (nb / GRID)-th candidate, then only into the gaps whose lower bound (frr of
    their left end, far of their right end) undercuts what was found: exact, in few look-ups.
    """
    nb, ns = bonafide.size, spoof.size

    def rejected_spoof(k):
        inner = np.minimum(k, nb - 1)
        return np.where(k == nb, ns, spoof.searchsorted(bonafide[inner]))

    def cost(k, j):
        return miss * (k / nb) + fa * ((ns - j) / ns)

    k = np.unique(np.linspace(0, nb, min(nb, GRID) + 1).astype(np.int64))
    j = rejected_spoof(k)
    promising = np.flatnonzero(cost(k[:-1], j[1:]) <= cost(k, j).min())
    k = np.unique(np.concatenate([k, *(np.arange(k[i] + 1, k[i + 1]) for i in promising)]))
    j = rejected_spoof(k)
    values = cost(k, j)
    best = int(values.argmin())
    return float(values[best]), (int(k[best]), int(j[best]))


def bayes_threshold(**costs: float) -> float:
    """The LLR, in natural log, from which on accepting is cheaper; default -ln 1.9."""
    miss, fa = cost_weights(**costs)
    return -log(miss / fa)


def act_dcf(bonafide: np.ndarray, spoof: np.ndarray, **costs: float) -> float:
    """Normalised cost of deciding at `bayes_threshold`; can exceed 1.

    Says something only of calibrated scores (LLRs in natural log).
    """
    bonafide, spoof = checked_trials(bonafide, spoof)
    miss, fa = cost_weights(**costs)
    threshold = bayes_threshold(**costs)
    frr, far = np.mean(bonafide < threshold), np.mean(spoof >= threshold)
    return float((miss * frr + fa * far) / min(miss, fa))


def auc(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """P(a bona fide trial scores above a spoof trial), a tie counting half."""
    bonafide, spoof = sorted_trials(bonafide, spoof)
    below = spoof.searchsorted(bonafide).sum() + spoof.searchsorted(bonafide, side="right").sum()
    return float(below / 2 / bonafide.size / spoof.size)


def det_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole official curve: frr, far, thresholds, each (nb + ns + 1,), ascending threshold."""
    bonafide, spoof = sorted_trials(bonafide, spoof)
    scores = np.concatenate([bonafide, spoof])
    order = np.argsort(scores, kind="stable")
    k = np.concatenate([[0], np.cumsum(order < bonafide.size)])
    j = np.arange(scores.size + 1) - k
    thresholds = np.concatenate([[scores[order[0]] - 0.001], scores[order]])
    return k / bonafide.size, (spoof.size - j) / spoof.size, thresholds
