"""How far two orders agree, with an interval."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit
from scipy.stats import rankdata

FEWEST = 5  # experiments


def rank_correlation(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """(Spearman's rho, its interval) of N pairs, by Fisher's z and Bonett and Wright's variance.

    Experiments that share a design or a seed are not independent: the interval is then too short.
    Source: Bonett and Wright (2000), doi:10.1007/BF02294183. Raises ValueError for fewer than
    FEWEST pairs; (nan, (-1, 1)) where one of the two does not vary.
    """
    size = len(first)
    if size < FEWEST:
        raise ValueError(f"found {size} experiments, wanted {FEWEST} or more")
    ranks = rankdata(first), rankdata(second)
    if min(np.ptp(part) for part in ranks) == 0:
        return float("nan"), (-1.0, 1.0)
    rho = float(np.clip(np.corrcoef(*ranks)[0, 1], -1, 1))
    return (float(np.sign(rho)) if abs(rho) > 1 - 1e-12 else rho), rho_interval(rho, size, level)


def rho_interval(
    rho: float, size: int, level: float = 0.95, noise: float = 0.0
) -> tuple[float, float]:
    """The interval of a rho of so many pairs; noise: a variance of Fisher's z to be added."""
    largest = 1 - 12 / (size * (size**2 - 1))  # below 1: two neighbours are exchanged
    inner = float(np.clip(rho, -largest, largest))  # the formula says nothing at the end
    error = np.sqrt((1 + inner**2 / 2) / (size - 3) + noise)
    half = stdtrit(size - 3, (1 + level) / 2) * error
    low, high = np.tanh(np.arctanh(inner) - half), np.tanh(np.arctanh(inner) + half)
    return float(min(low, rho)), float(max(high, rho))
