"""From scores to LLRs (log-likelihood ratios): logistic calibration, fusion, and the PAV bound.

Learnt on development trials, applied to others; nothing here looks at labels it is not given.
"""

import numpy as np

from ..metrics.checks import checked_scores
from ..metrics.llr import pav, softplus

__all__ = ["EFFECTIVE_PRIOR", "SeparableError", "fit_logistic", "pav"]

# The prior of bona fide at which unit costs decide as the costs of ASVspoof 5 do:
# .95 * 1 / (.95 * 1 + .05 * 10)
EFFECTIVE_PRIOR = 0.95 / (0.95 + 0.05 * 10)
MAX_STEPS = 100
LARGEST, SMALLEST = 1e100, 1e-100  # a score, and a spread of scores, whose squares are numbers
SINGULAR = 1e-12  # share of the largest curvature below which a direction is no direction


class SeparableError(ValueError):
    """The scores part the classes without an error: the objective has no finite optimum."""


def fit_logistic(
    scores: np.ndarray,
    is_bonafide: np.ndarray,
    prior: float = EFFECTIVE_PRIOR,
    *,
    smooth: bool = False,
    weight: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Affine map from the scores of S systems to one LLR, in natural log.

    Minimises prior-weighted logistic regression without any penalty (the BOSARIS objective),
    p mean_bonafide softplus(-(w s + b + logit p)) + (1-p) mean_spoof softplus(w s + b + logit p).
    Newton's method from zero with step halving on standardised scores: deterministic, and
    independent of the scale of each system. Systems that repeat each other share their weight.

    scores (N, S) or (N,); is_bonafide (N,) bool; prior of bona fide.
    smooth: soften the two answers to (n + 1) / (n + 2) and 1 / (n + 2) (Platt, 1999), which has
    a finite optimum for every input.
    weight (N,): how much each trial counts within its class; by default all count the same.
    Returns weights (S,) and offset.
    Raises SeparableError (unless `smooth`) where some combination parts the classes, ValueError
    for bad shapes, numbers that are not finite, one class, or a system with one score throughout.
    """
    scores, is_bonafide = _checked(scores, is_bonafide, prior)
    centre, scale = scores.mean(axis=0), scores.std(axis=0)
    design = np.column_stack([(scores - centre) / scale, np.ones(len(scores))])
    n_bonafide = int(is_bonafide.sum())
    n_spoof = len(scores) - n_bonafide
    if smooth:
        answer = np.where(is_bonafide, (n_bonafide + 1) / (n_bonafide + 2), 1 / (n_spoof + 2))
    else:
        answer = is_bonafide.astype(np.float64)
    mass = np.where(is_bonafide, prior / n_bonafide, (1 - prior) / n_spoof)
    if weight is not None:
        mean = np.where(is_bonafide, weight[is_bonafide].mean(), weight[~is_bonafide].mean())
        mass = mass * weight / mean
    logit = np.log(prior / (1 - prior))
    solution = _newton(design, answer, mass, logit, is_bonafide, smooth)
    weights = solution[:-1] / scale
    return weights, float(solution[-1] - weights @ centre)


def _checked(scores, is_bonafide, prior):
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    is_bonafide = np.asarray(is_bonafide)
    if scores.ndim != 2 or scores.shape[1] == 0 or is_bonafide.shape != scores.shape[:1]:
        raise ValueError(
            f"found scores {scores.shape} and labels {is_bonafide.shape}, wanted (N, S) and (N,)"
        )
    is_bonafide = is_bonafide.astype(bool)
    found = int(is_bonafide.sum())
    if not 0 < found < len(is_bonafide):
        raise ValueError(
            f"found {found} bona fide and {len(is_bonafide) - found} spoof trials, wanted both"
        )
    for index, column in enumerate(scores.T, 1):
        column = checked_scores(column, f"system {index}:")
        if column.min() == column.max():
            raise ValueError(
                f"system {index}: found 1 distinct score among {column.size} trials, "
                "wanted scores that differ"
            )
        if found_fault := unusable(column):
            raise ValueError(f"system {index}: {found_fault[1]}")
    if not 0 < prior < 1:
        raise ValueError(f"found prior {prior}, wanted 0 < prior < 1")
    return scores, is_bonafide


def unusable(scores: np.ndarray) -> tuple[int, str] | None:
    """Why no line can be learnt from finite scores (N,): the index of a trial, and words; or None.

    A score is too large to be squared, all are too close to each other, or one is so far from the
    others that in units of their deviation most of these are one and the same number.
    """
    largest = int(np.abs(scores).argmax())
    if abs(scores[largest]) > LARGEST:
        wanted = f"wanted a number from -{LARGEST:g} to {LARGEST:g}"
        return largest, f"found the score {float(scores[largest])!r}, {wanted}"
    spread = float(np.ptp(scores))
    if spread < SMALLEST:
        highest = int(scores.argmax())
        return highest, (
            f"found the score {float(scores[highest])!r} and all others at most {spread:.3g} below "
            f"it, wanted scores that differ by {SMALLEST:g} or more"
        )
    distinct = np.unique(scores)
    standard = np.unique((distinct - scores.mean()) / scores.std())
    if 2 * standard.size >= distinct.size or distinct.size < 3:
        return None
    far = int(np.abs(scores - np.median(scores)).argmax())
    return far, (
        f"found the score {float(scores[far])!r}, so far from the others that these look "
        "equal, wanted scores of one scale"
    )


def _newton(design, answer, mass, logit, is_bonafide, smooth):
    """Minimise the sum of mass (answer softplus(-z) + (1 - answer) softplus(z)) over x in
    z = design x + logit."""

    def objective(x):
        z = design @ x + logit
        return mass @ (answer * softplus(-z) + (1 - answer) * softplus(z))

    x = np.zeros(design.shape[1])
    value = objective(x)
    for _ in range(MAX_STEPS):
        z = design @ x + logit
        parted = z[is_bonafide].min() >= z[~is_bonafide].max() and np.ptp(z) > 0
        if parted and not smooth:
            raise SeparableError(_separable_text(is_bonafide))
        p = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
        gradient = design.T @ (mass * (p - answer))
        step = _solve((design * (mass * p * (1 - p))[:, None]).T @ design, gradient)
        if gradient @ step <= 1e-14 * value:  # twice the gain in sight: the last step is exact
            return x - step
        size = 1.0
        while objective(x - size * step) > value:
            size /= 2
        x = x - size * step
        value = objective(x)
    raise SeparableError(_separable_text(is_bonafide))


def _solve(hessian, gradient):
    """Newton step of least length: directions without curvature (repeated systems) stay put."""
    values, vectors = np.linalg.eigh(hessian)
    keep = values > SINGULAR * values[-1]
    vectors = vectors[:, keep]
    return vectors @ ((vectors.T @ gradient) / values[keep])


def _separable_text(is_bonafide):
    found = int(is_bonafide.sum())
    return (
        f"the scores part {found} bona fide from {len(is_bonafide) - found} spoof trials without "
        "an error, so the best weight is infinite"
    )
