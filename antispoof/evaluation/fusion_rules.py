"""The rules by which scores of several systems become one LLR: logistic, mean and rank.

Each takes scores (N, S), labels (N,) and the prior of bona fide, and gives weights (S,), an offset,
and whether it was learnt with softened answers. The weights of rank are those of `ranks`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .logistic import SeparableError, fit_logistic


def _logistic(scores, is_bonafide, prior, weight=None):
    try:
        return *fit_logistic(scores, is_bonafide, prior, weight=weight), False
    except SeparableError:
        return *fit_logistic(scores, is_bonafide, prior, smooth=True, weight=weight), True


def _mean(scores, is_bonafide, prior):
    centre, scale = scores.mean(axis=0), scores.std(axis=0)
    joint = ((scores - centre) / scale).mean(axis=1)
    (slope,), offset, smoothed = _logistic(joint, is_bonafide, prior)
    weights = slope / scale / scale.size  # of the scores as they are
    return weights, offset - weights @ centre, smoothed


def _rank(scores, is_bonafide, prior):
    joint = ranks(scores, np.sort(scores, axis=0)).mean(axis=1)
    (slope,), offset, smoothed = _logistic(joint, is_bonafide, prior)
    return np.full(scores.shape[1], slope / scores.shape[1]), offset, smoothed


RULES: dict[str, Callable[..., Any]] = {"logistic": _logistic, "mean": _mean, "rank": _rank}


def ranks(scores: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The share of `known` (N, S), ascending, below each of `scores` (M, S); a tie counts half."""
    columns = zip(known.T, scores.T, strict=True)
    below = [own.searchsorted(s) + own.searchsorted(s, side="right") for own, s in columns]
    return np.stack(below, axis=1) / (2 * len(known))
