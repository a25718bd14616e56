"""What every metric asks of its scores before it counts anything."""

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # of bona fide and of spoof trials


def checked_scores(scores: np.ndarray, name: str) -> np.ndarray:
    """`scores` as a float64 array (N,), N > 0, all finite; else ValueError with the count found."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} scores: found shape {scores.shape}, wanted one dimension")
    if scores.size == 0:
        raise ValueError(f"{name} scores: found 0 trials, wanted at least 1")
    finite = np.isfinite(scores)
    if not finite.all():
        nan = int(np.isnan(scores).sum())
        infinite = int(scores.size - finite.sum()) - nan
        raise ValueError(
            f"{name} scores: found {nan} NaN and {infinite} infinite among {scores.size} trials, "
            "wanted finite numbers"
        )
    return scores


def checked_trials(bonafide: np.ndarray, spoof: np.ndarray) -> Pair:
    """Both classes checked, in the order given."""
    return checked_scores(bonafide, "bona fide"), checked_scores(spoof, "spoof")


def sorted_scores(scores: np.ndarray, name: str) -> np.ndarray:
    """`scores` checked and ascending; sorted input costs one pass and no copy."""
    scores = checked_scores(scores, name)
    return scores if (scores[1:] >= scores[:-1]).all() else np.sort(scores)


def sorted_trials(bonafide: np.ndarray, spoof: np.ndarray) -> Pair:
    """Both classes checked and ascending; ValueError where all scores of both are equal."""
    bonafide, spoof = sorted_scores(bonafide, "bona fide"), sorted_scores(spoof, "spoof")
    refuse_constant(bonafide, spoof)
    return bonafide, spoof


def refuse_constant(*classes: np.ndarray) -> None:
    """ValueError where sorted arrays hold one and the same score throughout."""
    if min(part[0] for part in classes) == max(part[-1] for part in classes):
        count = sum(part.size for part in classes)
        raise ValueError(
            f"scores: found 1 distinct value among {count} trials ({float(classes[0][0])!r}), "
            "wanted scores that differ"
        )
