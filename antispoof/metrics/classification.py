"""Figures of hard decisions and of stated probabilities."""

from math import sqrt
from typing import Any

import numpy as np

from .checks import checked_trials


def classification(
    bonafide: np.ndarray, spoof: np.ndarray, *, threshold: float = 0.0
) -> dict[str, Any]:
    """Counts and rates of calling a trial bona fide iff score >= `threshold`.

    The positive class is spoof, as where "fake" is reported as positive: recall = sensitivity is
    the share of spoof caught, specificity the share of bona fide let through. `threshold` is 0
    for log-odds, 0.5 for probabilities. A rate whose denominator is 0 is 0.0, as in scikit-learn.

    Returns a dict of accuracy, precision, recall, sensitivity, specificity, f1, mcc (floats),
    tp, fn, tn, fp (ints), positive ("spoof") and threshold.
    """
    bonafide, spoof = checked_trials(bonafide, spoof)
    tn, tp = int(np.sum(bonafide >= threshold)), int(np.sum(spoof < threshold))
    fp, fn = bonafide.size - tn, spoof.size - tp
    recall = tp / (tp + fn)
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)  # Python integers do not overflow
    return {
        "accuracy": (tp + tn) / (bonafide.size + spoof.size),
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": recall,
        "sensitivity": recall,
        "specificity": tn / (tn + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / sqrt(product) if product else 0.0,
        "tp": tp,
        "fn": fn,
        "tn": tn,
        "fp": fp,
        "positive": "spoof",
        "threshold": float(threshold),
    }


def ece(
    bonafide: np.ndarray, spoof: np.ndarray, *, bins: int = 15, kind: str = "reliability"
) -> float:
    """Expected calibration error of probabilities of bona fide, in [0, 1].

    Two meanings go by this name. `kind="reliability"`: the mean gap between P(bona fide) and the
    share of bona fide among trials of like P. `kind="confidence"`: the same between the larger of
    P and 1 - P and the share of right answers (bona fide where P >= 0.5). Equal-width bins,
    (lo, hi], the first one closed; a bin weighs as much as it has trials.
    Raises ValueError for values outside [0, 1].
    """
    bonafide, spoof = checked_trials(bonafide, spoof)
    p = np.concatenate([bonafide, spoof])
    outside = int(np.sum((p < 0) | (p > 1)))
    if outside:
        raise ValueError(f"found {outside} of {p.size} values outside [0, 1]; wanted probabilities")
    hit = np.arange(p.size) < bonafide.size
    if kind == "confidence":
        hit = (p >= 0.5) == hit
        p = np.maximum(p, 1 - p)
    elif kind != "reliability":
        raise ValueError(f"found kind {kind!r}, wanted 'reliability' or 'confidence'")
    which = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
    gap = np.bincount(which, p, bins) - np.bincount(which, hit, bins)
    return float(np.abs(gap).sum() / p.size)
