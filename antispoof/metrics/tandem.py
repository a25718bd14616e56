"""Costs of a countermeasure (CM) together with automatic speaker verification (ASV).

ASV scores: higher = more the claimed speaker; ASV accepts at score >= threshold.
"""

import numpy as np

from .checks import checked_scores, refuse_constant, sorted_scores, sorted_trials
from .detection import det_curve, eer_threshold, minimum_on_curve

P_SPOOF = 0.05
P_TARGET, P_NONTARGET = (1 - P_SPOOF) * 0.99, (1 - P_SPOOF) * 0.01
# of the ASV system that the organisers of ASVspoof 5 fixed: accepted nontarget, missed target,
# accepted spoof
ASV_OF_ASVSPOOF5 = (0.01881016557566423, 0.01880141010575793, 0.4607082907604729)
A_DCF_COSTS = {
    **{"p_spoof": P_SPOOF, "p_nontarget": 0.0095, "p_target": 0.9405},
    **{"c_miss": 1.0, "c_fa_asv": 10.0, "c_fa_cm": 10.0},
}


def asv_rates(
    target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray
) -> tuple[float, float, float]:
    """(accepted nontarget, missed target, accepted spoof) at the EER threshold of the ASV."""
    target, nontarget, spoof = _checked_asv(target, nontarget, spoof)
    threshold = eer_threshold(target, nontarget)
    rates = (
        np.mean(nontarget >= threshold),
        np.mean(target < threshold),
        np.mean(spoof >= threshold),
    )
    fa, miss, spoof_fa = map(float, rates)
    return fa, miss, spoof_fa


def _checked_asv(*classes):
    """Scores of targets, nontargets and spoof trials by the ASV, checked."""
    names = ("target", "nontarget", "spoof")
    return [checked_scores(part, f"ASV {name}") for part, name in zip(classes, names, strict=True)]


def tdcf_2019(
    bonafide: np.ndarray,
    spoof: np.ndarray,
    asv_target: np.ndarray,
    asv_nontarget: np.ndarray,
    asv_spoof: np.ndarray,
) -> float:
    """Minimum normalised t-DCF of ASVspoof 2019 (legacy form; misses cost 1, false alarms 10).

    Raises ValueError where the ASV is so weak that a weight turns negative.
    """
    fa, miss, spoof_fa = asv_rates(asv_target, asv_nontarget, asv_spoof)
    c1 = P_TARGET * (1 - miss) - P_NONTARGET * 10 * fa
    return _tdcf(bonafide, spoof, 0.0, c1, 10 * P_SPOOF * spoof_fa)


def tdcf_2021(
    bonafide: np.ndarray,
    spoof: np.ndarray,
    asv_target: np.ndarray,
    asv_nontarget: np.ndarray,
    asv_spoof: np.ndarray,
) -> float:
    """Minimum normalised t-DCF of ASVspoof 2021 (revised form; misses cost 1, false alarms 10)."""
    return _revised_tdcf(bonafide, spoof, *asv_rates(asv_target, asv_nontarget, asv_spoof))


def tdcf_asvspoof5(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """The revised t-DCF with the error rates that ASVspoof 5 fixed for the ASV system."""
    return _revised_tdcf(bonafide, spoof, *ASV_OF_ASVSPOOF5)


def _revised_tdcf(bonafide, spoof, fa, miss, spoof_fa):
    c0 = P_TARGET * miss + P_NONTARGET * 10 * fa
    return _tdcf(bonafide, spoof, c0, P_TARGET - c0, P_SPOOF * 10 * spoof_fa)


def _tdcf(bonafide, spoof, c0, c1, c2):
    if min(c1, c2) < 0 or c0 + min(c1, c2) == 0:
        raise ValueError(
            f"found t-DCF weights {c0:.4g}, {c1:.4g}, {c2:.4g}, wanted none negative nor all 0: "
            "are the ASV scores the right way up?"
        )
    least, _ = minimum_on_curve(*sorted_trials(bonafide, spoof), c1, c2)
    return float((c0 + least) / (c0 + min(c1, c2)))


def a_dcf(target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray, **costs: float) -> float:
    """Least architecture-agnostic cost of one score for "target and bona fide", normalised.

    costs: any of A_DCF_COSTS, which are those of ASVspoof 5. The paper (Shim et al., 2024) has
    priors .05, .05, .9 and costs 1, 10, 20. Source: compute_a_det_curve of a_DCF; the sweep rejects
    targets first in a tie.
    """
    return a_dcf_point(target, nontarget, spoof, **costs)[0]


def a_dcf_weights(**costs: float) -> tuple[float, float, float]:
    """What a share of missed targets, of accepted nontargets and of accepted spoofs costs.

    In units of the cheaper one of accepting all trials and rejecting all.
    """
    c = {**A_DCF_COSTS, **costs}
    if unknown := c.keys() - A_DCF_COSTS.keys():
        raise TypeError(f"found the cost '{min(unknown)}', wanted {', '.join(A_DCF_COSTS)}")
    weights = (
        c["c_miss"] * c["p_target"],
        c["c_fa_asv"] * c["p_nontarget"],
        c["c_fa_cm"] * c["p_spoof"],
    )
    least = min(weights[1] + weights[2], weights[0])
    miss, fa, spoof_fa = (weight / least for weight in weights)
    return miss, fa, spoof_fa


def a_dcf_point(
    target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray, **costs: float
) -> tuple[float, int]:
    """(the least cost, how many targets are rejected there, from the lowest score up)."""
    target, nontarget = sorted_scores(target, "target"), sorted_scores(nontarget, "nontarget")
    spoof = sorted_scores(spoof, "spoof")
    refuse_constant(target, nontarget, spoof)
    miss, fa, spoof_fa = a_dcf_weights(**costs)
    # least just before a target or at the end, like every cost (see detection.py)
    frr = np.arange(target.size + 1) / target.size
    total = miss * frr + fa * _accepted(nontarget, target) + spoof_fa * _accepted(spoof, target)
    best = int(total.argmin())
    return float(total[best]), best


def _accepted(scores, thresholds):
    """Share of sorted `scores` at or above each threshold, then 0 for one above them all."""
    return np.append(scores.size - scores.searchsorted(thresholds), 0) / scores.size


def t_eer(
    cm_target: np.ndarray,
    cm_nontarget: np.ndarray,
    cm_spoof: np.ndarray,
    asv_target: np.ndarray,
    asv_nontarget: np.ndarray,
    asv_spoof: np.ndarray,
) -> float:
    """Concurrent tandem EER, a fraction: where misses and both kinds of false alarm are equal.

    For each ASV threshold with Pmiss < (Pfa_non + Pfa_spf) / 2, the CM threshold is the first
    with the least |tandem misses - tandem false alarms|, spoof prevalence 1/2. Of those pairs
    the one whose Pfa_non / Pfa_spf is closest to CM far / (1 - CM frr) counts, and its value is
    Pfa_spf * CM far. Source: compute_teer of the ASVspoof 5 evaluation package; Kinnunen et al.,
    t-EER, 2023.
    """
    frr, far, _ = det_curve(np.concatenate([cm_target, cm_nontarget]), cm_spoof)
    miss, fa, spoof_fa = asv_curves(asv_target, asv_nontarget, asv_spoof)
    allowed = miss < 0.5 * fa + 0.5 * spoof_fa
    miss, fa, spoof_fa = miss[allowed], fa[allowed], spoof_fa[allowed]
    point = _tandem_crossing(frr, far, miss, fa, spoof_fa)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(fa / spoof_fa - far[point] / (1 - frr[point]))
    distance = np.where(np.isnan(distance), np.inf, distance)
    if not np.isfinite(distance).any():
        raise ValueError(
            f"found no concurrent point among {distance.size} ASV thresholds; "
            "are the ASV scores the right way up?"
        )
    best = int(distance.argmin())
    return float(spoof_fa[best] * far[point[best]])


def asv_curves(
    target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Missed target, accepted nontarget and accepted spoof before and after each sorted score."""
    classes = _checked_asv(target, nontarget, spoof)
    refuse_constant(*map(np.sort, classes))
    label = np.repeat([0, 1, 2], [part.size for part in classes])
    label = label[np.argsort(np.concatenate(classes), kind="stable")]
    below = [np.append(0, np.cumsum(label == i) / part.size) for i, part in enumerate(classes)]
    return below[0], 1 - below[1], 1 - below[2]


def _tandem_crossing(frr, far, miss, fa, spoof_fa):
    """For each ASV point the first CM point with the least |gap|; the gap rises with the point."""

    def gap(point):
        missed = frr[point] + (1 - frr[point]) * miss
        return missed - (0.5 * (1 - frr[point]) * fa + 0.5 * far[point] * spoof_fa)

    def first_at_least(level):
        low, high = np.zeros(miss.size, np.int64), np.full(miss.size, frr.size - 1)
        while (low < high).any():
            middle = (low + high) // 2
            reached = gap(middle) >= level
            low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        return low

    after = first_at_least(0)
    before = np.maximum(after - 1, 0)
    # several points can share the gap before the crossing (nothing passes the ASV): take the first
    return np.where(np.abs(gap(before)) <= np.abs(gap(after)), first_at_least(gap(before)), after)
