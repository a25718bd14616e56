"""How good scores are as LLRs (log-likelihood ratios, natural log), in bits."""

import numpy as np

from .checks import Pair, checked_trials, sorted_trials


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x) without overflow, and much faster than `np.logaddexp(0, x)`."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Cost of LLRs, in bits: 0 perfect, 1 as good as saying nothing, no limit.

    1/2 (mean log2(1 + e^-bonafide) + mean log2(1 + e^spoof)). Meaningful for calibrated scores.
    Source: Brummer and du Preez, Application-independent evaluation of speaker detection, 2006.
    """
    bonafide, spoof = checked_trials(bonafide, spoof)
    return float((softplus(-bonafide).mean() + softplus(spoof).mean()) / np.log(4))


def min_cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """The `cllr` left after the best order-preserving calibration on these very trials (PAV).

    Tied scores share one LLR. At most 1; the difference from `cllr` is the calibration loss.
    """
    n_bonafide, n_spoof = pav_counts(*sorted_trials(bonafide, spoof))[:2]
    share_b, share_s = n_bonafide / n_bonafide.sum(), n_spoof / n_spoof.sum()
    total = share_b + share_s  # log2(1 + e^-llr) = log2(total / share_b), where there is any
    with np.errstate(divide="ignore", invalid="ignore"):
        cost_b = np.where(share_b > 0, share_b * np.log2(total / share_b), 0)
        cost_s = np.where(share_s > 0, share_s * np.log2(total / share_s), 0)
    return float((cost_b.sum() + cost_s.sum()) / 2)


def pav_counts(
    bonafide: np.ndarray, spoof: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pool adjacent violators over ascending scores of two classes, tied scores as one.

    Returns n_bonafide (B,), n_spoof (B,) and the least score (B,) of each block, ascending in
    score; the share of bona fide does not fall from block to block.
    """
    from scipy.optimize import isotonic_regression

    levels = np.unique(np.concatenate([bonafide, spoof]))
    n_b = np.bincount(levels.searchsorted(bonafide), minlength=levels.size)
    n_s = np.bincount(levels.searchsorted(spoof), minlength=levels.size)
    start = isotonic_regression(n_b / (n_b + n_s), weights=n_b + n_s).blocks[:-1]
    return np.add.reduceat(n_b, start), np.add.reduceat(n_s, start), levels[start]


def pav(bonafide: np.ndarray, spoof: np.ndarray) -> Pair:
    """The best order-preserving calibration of these trials: thresholds (B,) and LLRs (B,).

    A score has the LLR of the last threshold at or below it; the ends can be infinite.
    """
    bonafide, spoof = np.sort(bonafide), np.sort(spoof)
    n_b, n_s, thresholds = pav_counts(bonafide, spoof)
    with np.errstate(divide="ignore"):
        return thresholds, np.log(n_b / bonafide.size) - np.log(n_s / spoof.size)
