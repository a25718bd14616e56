"""Intervals of several differences that hold all at once, and p-values that allow for their number.

Of four equal systems, one of the six pairs shows a difference at 95 % in 22 of 100 sets. Here the
critical value is that of the largest of all |t|: normal numbers with the correlation of the
differences (whose influence on every trial is known, see `crossed`) are drawn, over roots of
chi-squares that share one draw. Where degrees of freedom differ, the least p takes the place of the
largest |t|.

Source: Hothorn, Bretz and Westfall (2008), doi:10.1002/bimj.200810425.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, stdtr, stdtrit

from .crossed import (
    NOTHING,
    OF_DIFFERENCE,
    Moved,
    Way,
    cells_of,
    count_units,
    error_of,
    still_half,
)

DRAWS = 20_000  # of the largest |t|


@dataclass(frozen=True)
class Together:
    """A difference with its interval and p alone, and with those that hold with all others."""

    value: float
    interval: tuple[float, float]
    p: float
    wide: tuple[float, float]
    adjusted: float


def covariance(parts: Sequence[Moved], ways: Sequence[Way]) -> np.ndarray:
    """(K, K) of K values on the same trials, where the units of each of `ways` are drawn.

    The crossed estimate, made positive: `crossed.variance` is that of one difference.
    """
    both = np.stack([np.concatenate([own.bonafide, own.spoof]) for own in parts])
    total = np.zeros((len(parts), len(parts)))
    for way in ways:
        code, count = np.concatenate(way), count_units(way)
        total += count / (count - 1) * _products(both[:, code >= 0], code[code >= 0])
    if len(ways) > 1:
        inside, cells = cells_of(ways)
        total -= OF_DIFFERENCE * (len(ways) - 1) * _products(both[:, inside], cells)
    return _positive(total)


def _products(rows, units):
    """Sums over units of what they move one value by, times what they move another by."""
    sums = np.stack([np.bincount(units, row) for row in rows])
    return sums @ sums.T


def _positive(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def least_p(
    correlation: np.ndarray,
    freedoms: Sequence[float] | np.ndarray,
    draws: int = DRAWS,
    seed: int = 0,
) -> np.ndarray:
    """(draws,) sorted: the least two-sided p of all differences where there is none in any."""
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(correlation)
    roots = vectors * np.sqrt(np.maximum(values, 0))
    normal, shared = rng.normal(size=(draws, len(roots))) @ roots.T, rng.random(draws)
    least = np.ones(draws)
    for column, freedom in zip(normal.T, freedoms, strict=True):
        scale = np.sqrt(2 * gammaincinv(freedom / 2, shared) / freedom)
        least = np.minimum(least, 2 * stdtr(freedom, -np.abs(column) / scale))
    return np.sort(least)


def all_differences(
    parts: Sequence[Moved],
    pairs: Sequence[tuple[int, int]],
    ways: Sequence[Way],
    level: float = 0.95,
    seeds: Sequence[tuple[float, int] | None] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Together]:
    """What is known of parts[a] - parts[b] of each pair.

    seeds: for each of `parts` (variance of its value, degrees of freedom) by its seeds, or None.
    A pair that no trial moves is no part of what holds together; `still_half` says how much of it
    is known. Raises ValueError for no pair.
    """
    if not pairs:
        raise ValueError("found no pair, wanted one or more")
    seeds = seeds or [None] * len(parts)
    added = [[s for s in (seeds[a], seeds[b]) if s] for a, b in pairs]
    gaps = [parts[a] - parts[b] for a, b in pairs]
    found = [error_of(gap, ways, own) for gap, own in zip(gaps, added, strict=True)]
    errors, freedoms = (np.array(column) for column in zip(*found, strict=True))
    own = errors > NOTHING
    whole = covariance(parts, ways) + np.diag([s[0] if s else 0.0 for s in seeds])
    contrasts = np.zeros((len(pairs), len(parts)))
    for row, (a, b) in enumerate(pairs):
        contrasts[row, a], contrasts[row, b] = 1, -1
    limit, least = 1 - level, None
    if own.sum() > 1:
        moved = contrasts[own] @ whole @ contrasts[own].T
        least = least_p(_correlation(moved), freedoms[own], draws, seed)
        limit = min(limit, float(np.quantile(least, 1 - level)))
    return [
        _judge(gap, error, freedom, level, limit, least)
        if error > NOTHING
        else _still(gap, ways, level, limit)
        for gap, error, freedom in zip(gaps, errors, freedoms, strict=True)
    ]


def _correlation(matrix):
    spread = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = np.clip(matrix / np.outer(spread, spread), -1, 1)
    np.fill_diagonal(scaled, 1.0)
    return scaled


def _still(gap, ways, level, limit):
    halves = (still_half(gap, ways, one) for one in (level, 1 - limit))
    own, wide = ((float(gap.value - half), float(gap.value + half)) for half in halves)
    return Together(float(gap.value), own, 1.0, wide, 1.0)


def _judge(gap, error, freedom, level, limit, least):
    value = float(gap.value)
    half, wide = (float(-stdtrit(freedom, tail / 2) * error) for tail in (1 - level, limit))
    p = adjusted = 2 * float(stdtr(freedom, -abs(value) / error))
    if least is not None:
        adjusted = (1 + int(np.searchsorted(least, p, side="right"))) / (1 + len(least))
    ends = (value - half, value + half), (value - wide, value + wide)
    return Together(value, ends[0], p, ends[1], max(p, float(adjusted)))
