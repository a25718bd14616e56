"""Orders of systems that claims speak of: rank correlations, diagnostics and flags."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import t as student

from ..errors import UserError
from ..evaluation.layout import diagnostics_path
from ..evaluation.results import read_diagnostics
from ..metrics.ranks import FEWEST, rank_correlation, rho_interval
from .listed import HELD, NOT_HELD, Effect, Row, verdict
from .plan import experiment
from .scores import Scored, place_text, spread_of_mean

Claim = Mapping[str, Any]
DRAWS = 500  # of a diagnostic's error


def correlation(claim: Claim, scored: Scored) -> Row:
    """Over systems: each is the mean of its seeds. No bona fide trial is on both axes."""
    ways = scored.both(claim["over"], claim["first"], claim["second"])
    row = _correlated(claim, ways)
    halves = ", half of the bona fide speakers on each" if len(ways) > 1 else ""
    row.ran = (
        f"{place_text(claim['first'])} against {place_text(claim['second'])}{halves}, {row.ran}"
    )
    return row


def _correlated(claim, ways):
    """The mean over ways (W, 2, N), by Fisher's z; its interval is that of one of them."""
    count = ways.shape[2]
    ran = f"over {count} systems as if they were independent; their seeds and trials are not drawn"
    if count < FEWEST:
        return Row(claim, [], f"over {count} systems", note=f"fewer than {FEWEST} systems")
    found = [rank_correlation(*own)[0] for own in ways]
    if not np.isfinite(found).all():
        return Row(claim, [], ran, note="one of the two is the same everywhere")
    most = 1 - 1 / count  # at the end of the scale, z is endless
    rho = found[0] if len(found) == 1 else np.tanh(np.arctanh(np.clip(found, -most, most)).mean())
    interval = rho_interval(float(rho), count)
    reach = reach_text(claim["holds"], count)
    return Row(claim, [Effect("Spearman's rho", float(rho), interval, reach)], ran)


def reach_text(holds: Mapping[str, Any], count: int, noise: float = 0.0) -> str:
    """For which rho of so many systems a verdict is sure, in words."""
    grid = np.linspace(-1, 1, 401) * (1 - 1 / count)  # beyond, the formula says nothing
    said = [verdict([rho_interval(float(rho), count, noise=noise)], holds) for rho in grid]
    return f"held {_runs(grid, said, HELD)}, not held {_runs(grid, said, NOT_HELD)}"


def _runs(grid, said, word):
    """Where in the grid the word stands: `below x`, `above x`, `from x to y`, or `at no rho`."""
    own = [rho for rho, found in zip(grid, said, strict=True) if found == word]
    if not own:
        return "at no rho"
    gaps = [a for a, b in itertools.pairwise(own) if b - a > 0.01]
    if gaps:  # both ends
        return f"below {gaps[0]:+.2f} or above {next(r for r in own if r > gaps[0]):+.2f}"
    if own[0] > grid[0] and own[-1] < grid[-1]:
        return f"from {own[0]:+.2f} to {own[-1]:+.2f}"
    return f"below {own[-1]:+.2f}" if own[0] == grid[0] else f"above {own[0]:+.2f}"


def diagnostic(claim: Claim, scored: Scored) -> Row:
    """Over systems, each the mean of its diagnosed seeds; the error of the diagnostic counts."""
    eers = [scored.mean(name, claim["second"], scored.diagnosed) for name in claim["over"]]
    row = _against(claim, scored, claim["diagnostic"], eers)
    seeds = ", ".join(map(str, scored.diagnosed))
    row.ran += f", {place_text(claim['second'])}; diagnostics of seed {seeds}"
    if "also" in claim and row.effects:
        other = _against(claim, scored, claim["also"], eers)
        row.note = "; ".join(
            f"{claim['also']}: {own.value:+.2f} [{own.interval[0]:+.2f}, {own.interval[1]:+.2f}], "
            "no measure between designs: docs/diagnostics.md"
            for own in other.effects
        )
    return row


def _against(claim, scored, name, eers):
    values, errors = np.array([_diagnosed(scored, system, name) for system in claim["over"]]).T
    row = _correlated(claim, np.array([[values, eers]]))
    row.effects = [replace(own, what=f"Spearman's rho of {name}") for own in row.effects]
    if row.effects and errors.any():
        row.effects = [_unsure(claim, row.effects[0], values, errors, eers)]
    return row


def _unsure(claim, effect, values, errors, eers):
    """Its interval as far as the diagnostics' own errors might move it: also around their mean."""
    rng, count = np.random.default_rng(0), len(values)
    most = 1 - 1 / count
    drawn = [rank_correlation(v, eers)[0] for v in rng.normal(values, errors, (DRAWS, count))]
    z = np.arctanh(np.clip(drawn, -most, most))
    noise = float(z.var())
    ends = [
        rho_interval(rho, count, noise=noise) for rho in (effect.value, float(np.tanh(z.mean())))
    ]
    interval = min(low for low, _ in ends), max(high for _, high in ends)
    return replace(effect, interval=interval, reach=reach_text(claim["holds"], count, noise))


def _diagnosed(scored, system, name):
    """(value, standard error) of a diagnostic, the mean of the diagnosed seeds."""
    values, errors = [], []
    for seed in scored.diagnosed:
        exp = scored.root / experiment(system, seed)
        record = read_diagnostics(exp, {})
        if name in record and record[name] is None:
            raise UserError(f"{diagnostics_path(exp)}: '{name}' has no value; leave {system} out")
        own = record.get(name)
        own = own if isinstance(own, dict) else {"mean": own}
        if not isinstance(own.get("mean"), (int, float)):
            raise UserError(f"{diagnostics_path(exp)}: lacks '{name}'; remove it and run stage 3")
        values.append(own["mean"])
        errors.append(own.get("error", 0.0))
    return float(np.mean(values)), float(np.sqrt(np.square(errors).sum())) / len(values)


def flag(claim: Claim, scored: Scored) -> Row:
    """Systems below the limit on held-out data against the others, on the second set (Welch)."""
    ways = scored.both(claim["over"], claim["first"], claim["second"])
    ran = f"{place_text(claim['first'])} and {place_text(claim['second'])}, over "
    ran += f"{ways.shape[2]} systems as if they were independent"
    low = ways[:, 0].mean(axis=0) < claim["below"]
    note = f"{int(low.sum())} of {len(low)} systems are below {claim['below']:g} %"
    gaps = [_gap(own[1][own[0] < claim["below"]], own[1][own[0] >= claim["below"]]) for own in ways]
    if None in gaps:
        why = (
            f"{note}, wanted two or more, and two of the others: its condition does not occur here"
        )
        return Row(claim, [], ran, lacks=why, note=note)
    gap, variance, freedom = np.mean(gaps, axis=0)
    if not variance > 0:
        return Row(claim, [], ran, note=f"{note}; within each group all are the same")
    half = float(student.ppf(0.975, freedom) * np.sqrt(variance))
    effect = Effect("flagged − others", float(gap), (gap - half, gap + half), f"{half:.2f} points")
    return Row(claim, [effect], ran, note=note)


def _gap(flagged: Sequence[float], others: Sequence[float]):
    """(difference of means, its variance, degrees of freedom); None of fewer than two in one."""
    if min(len(flagged), len(others)) < 2:
        return None
    parts = [spread for own in (flagged, others) if (spread := spread_of_mean(list(own)))]
    variance = sum(v for v, _ in parts)
    freedom = variance**2 / max(sum(v**2 / df for v, df in parts), 1e-300)
    return float(np.mean(flagged) - np.mean(others)), variance, freedom
