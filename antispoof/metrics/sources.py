"""Which source made a sound: closed and open set. Arrays of classes, or scores, in; floats out.

A score of the open set is higher for a source that training knows.
"""

import numpy as np

from .checks import checked_scores


def confusion(truth: np.ndarray, found: np.ndarray, count: int) -> np.ndarray:
    """(count, count) trials, a row for each true class, of classes (N,) from 0."""
    places = np.asarray(truth) * count + np.asarray(found)
    return np.bincount(places, minlength=count * count).reshape(count, count)


def f1_of_classes(table: np.ndarray) -> np.ndarray:
    """F1 (K,) of a confusion matrix: 2 hits / (trials of the class + trials taken for it).

    NaN for a class that no trial is of, and none is taken for.
    """
    with np.errstate(invalid="ignore"):
        return 2 * np.diag(table) / (table.sum(0) + table.sum(1))


def macro_f1(table: np.ndarray) -> float:
    """Mean F1 of the classes of a confusion matrix; a class that does not occur has no say."""
    found = f1_of_classes(table)
    if np.isnan(found).all():
        raise ValueError("found no trial, wanted one or more")
    return float(np.nanmean(found))


def known_threshold(known: np.ndarray, share: float = 0.95) -> float:
    """The highest threshold at which `share` of the known trials, or more, are accepted (>=)."""
    known = np.sort(checked_scores(known, "known"))
    # of 100 trials, .95 x 100 is 95 and not the float a little above
    wanted = int(np.ceil(round(share * known.size, 9)))
    return float(known[known.size - wanted])


def fpr_at(known: np.ndarray, unknown: np.ndarray, share: float = 0.95) -> float:
    """FPR95: which share of unknown trials is taken for known where 95 % of the known ones are."""
    unknown = checked_scores(unknown, "unknown")
    return float(np.mean(unknown >= known_threshold(known, share)))
