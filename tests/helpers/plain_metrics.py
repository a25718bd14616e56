"""The official algorithms written down point by point: slow, and the judge of the fast ones."""

import math
from itertools import pairwise

import numpy as np


def plain_curve(bonafide, spoof):
    """The official curve, point by point: bona fide first inside a tie."""
    walk = sorted([(s, 0) for s in bonafide] + [(s, 1) for s in spoof])
    k, j, points = 0, 0, [(0, 0)]
    for _, is_spoof in walk:
        k, j = (k, j + 1) if is_spoof else (k + 1, j)
        points.append((k, j))
    nb, ns = len(bonafide), len(spoof)
    thresholds = [walk[0][0] - 0.001, *(score for score, _ in walk)]
    return [k / nb for k, _ in points], [(ns - j) / ns for _, j in points], thresholds


def plain_eer(bonafide, spoof):
    frr, far, thresholds = plain_curve(bonafide, spoof)
    gaps = [abs(a - b) for a, b in zip(frr, far, strict=True)]
    first = gaps.index(min(gaps))
    return (frr[first] + far[first]) / 2, thresholds[first]


def plain_eer_interpolated(bonafide, spoof):
    """Where the straight lines between the points of distinct thresholds have frr = far."""
    points = [(0, 1)]
    for limit in [*sorted({*bonafide, *spoof})[1:], math.inf]:
        frr = sum(score < limit for score in bonafide) / len(bonafide)
        points.append((frr, sum(score >= limit for score in spoof) / len(spoof)))
    for (frr, far), (next_frr, next_far) in pairwise(points):
        if frr < far and next_frr >= next_far:
            share = (far - frr) / ((far - frr) + (next_frr - next_far))
            return frr + share * (next_frr - frr)
    raise AssertionError("the lines never cross")


def plain_least(bonafide, spoof, miss, fa):
    frr, far, _ = plain_curve(bonafide, spoof)
    return min(miss * a + fa * b for a, b in zip(frr, far, strict=True))


def plain_weights(p_spoof=0.05, c_miss=1.0, c_fa=10.0):
    """What a rejected bona fide and an accepted spoof trial weigh."""
    return (1 - p_spoof) * c_miss, p_spoof * c_fa


def plain_min_dcf(bonafide, spoof, **costs):
    miss, fa = plain_weights(**costs)
    return plain_least(bonafide, spoof, miss, fa) / min(miss, fa)


def plain_act_dcf(bonafide, spoof, **costs):
    """Accepts a trial where that is expected to cost no more than to reject it."""
    miss, fa = plain_weights(**costs)
    threshold = math.log(fa) - math.log(miss)
    missed = sum(score < threshold for score in bonafide) / len(bonafide)
    accepted = sum(score >= threshold for score in spoof) / len(spoof)
    return (miss * missed + fa * accepted) / min(miss, fa)


def plain_cllr(bonafide, spoof):
    bits_b = [math.log2(1 + math.exp(-score)) for score in bonafide]
    bits_s = [math.log2(1 + math.exp(score)) for score in spoof]
    return (sum(bits_b) / len(bits_b) + sum(bits_s) / len(bits_s)) / 2


def plain_auc(bonafide, spoof):
    wins = sum((b > s) + (b == s) / 2 for b in bonafide for s in spoof)
    return wins / (len(bonafide) * len(spoof))


def plain_pav(bonafide, spoof):
    """Blocks [least score, bona fide, spoof] of rising share of bona fide, ascending."""
    blocks = []
    for level in sorted({*bonafide, *spoof}):
        blocks.append([level, list(bonafide).count(level), list(spoof).count(level)])
        while len(blocks) > 1:
            (low, b0, s0), (_, b1, s1) = blocks[-2:]
            if b0 * (b1 + s1) < b1 * (b0 + s0):
                break
            blocks[-2:] = [[low, b0 + b1, s0 + s1]]
    return blocks


def plain_min_cllr(bonafide, spoof):
    nb, ns, bits = len(bonafide), len(spoof), 0.0
    for _, b, s in plain_pav(bonafide, spoof):
        odds = math.inf if s == 0 else (b / nb) / (s / ns)
        bits += b / nb * math.log2(1 + 1 / odds) if b else 0
        bits += s / ns * math.log2(1 + odds) if s else 0
    return bits / 2


def plain_metrics(scores, llr, **costs):
    """The four metrics of the bootstrap. scores, llr: (bona fide, spoof) pairs."""
    return {
        "eer": plain_eer(*scores)[0],
        "min_dcf": plain_min_dcf(*scores, **costs),
        "act_dcf": plain_act_dcf(*llr, **costs),
        "cllr": plain_cllr(*llr),
    }


def plain_t_eer(cm_target, cm_nontarget, cm_spoof, *asv):
    """Every ASV threshold against every CM threshold."""
    frr, far = map(np.array, plain_curve([*cm_target, *cm_nontarget], cm_spoof)[:2])
    walk = sorted((score, kind) for kind, part in enumerate(asv) for score in part)
    below, best, value = [0, 0, 0], np.inf, None
    for _, kind in [(None, None), *walk]:
        if kind is not None:
            below[kind] += 1
        shares = [count / len(part) for count, part in zip(below, asv, strict=True)]
        miss, fa, spoof_fa = shares[0], 1 - shares[1], 1 - shares[2]
        if not miss < 0.5 * fa + 0.5 * spoof_fa or spoof_fa == 0:
            continue
        misses = frr + (1 - frr) * miss
        alarms = 0.5 * (1 - frr) * fa + 0.5 * far * spoof_fa
        point = int(np.argmin(np.abs(misses - alarms)))
        if frr[point] == 1:
            continue
        distance = abs(fa / spoof_fa - far[point] / (1 - frr[point]))
        if distance < best:
            best, value = distance, spoof_fa * far[point]
    return value
