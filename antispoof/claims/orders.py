"""Orders of systems that claims speak of: rank correlations, flags, and how firm a choice is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import beta
from scipy.stats import t as student

from ..data.json_files import number, read_json
from ..errors import UserError
from ..evaluation.compare import mean_moved
from ..metrics.ranks import FEWEST, rank_correlation
from .listed import Effect, Row
from .plan import experiment
from .scores import Scored, place_text, spread_of_mean

Claim = Mapping[str, Any]
RANK = "exp/claims/rank.json"


def correlation(claim: Claim, scored: Scored) -> Row:
    """Over systems: each is the mean of its seeds."""
    values = [[scored.mean(n, claim[key]) for n in claim["over"]] for key in ("first", "second")]
    row = _correlated(claim, values, "systems")
    row.ran = f"{place_text(claim['first'])} against {place_text(claim['second'])}, {row.ran}"
    return row


def _correlated(claim, values, of):
    count = len(values[0])
    ran = f"over {count} {of}"
    if count < FEWEST:
        return Row(claim, [], ran, note=f"fewer than {FEWEST} {of}")
    rho, interval = rank_correlation(*values)
    if not np.isfinite(rho):
        return Row(claim, [], ran, note="one of the two is the same everywhere")
    return Row(claim, [Effect("Spearman's rho", rho, interval)], ran)


def diagnostic(claim: Claim, scored: Scored) -> Row:
    """Over experiments, which share designs: the interval is too short rather than too long."""
    values, eers = [], []
    paths = {name: scored.paths(name, claim["second"]) for name in claim["over"]}
    for name in claim["over"]:
        for seed, path in zip(scored.seeds, paths[name], strict=True):
            record = read_json(scored.root / experiment(name, seed) / "diagnostics.json", {})
            own = record.get(claim["diagnostic"])
            own = own.get("mean") if isinstance(own, dict) else own
            if own is None:
                raise UserError(f"{name}: diagnostics.json lacks '{claim['diagnostic']}'")
            values.append(own)
            trials = scored.trials(path, claim["second"]).split()
            eers.append(mean_moved("eer", [(trials, trials)]).value)
    row = _correlated(claim, [values, eers], "experiments")
    row.ran += f", {place_text(claim['second'])}"
    return row


def flag(claim: Claim, scored: Scored) -> Row:
    """Systems below the limit on held-out data against the others, on the second set (Welch)."""
    first, second = (
        np.array([scored.mean(n, claim[key]) for n in claim["over"]]) for key in ("first", "second")
    )
    low = first < claim["below"]
    ran = f"{place_text(claim['first'])} and {place_text(claim['second'])}, over {len(low)} systems"
    note = f"{int(low.sum())} of {len(low)} systems are below {claim['below']:g} %"
    if min(low.sum(), (~low).sum()) < 2:
        return Row(claim, [], ran, note=note)
    groups = second[low], second[~low]
    parts = [spread for group in groups if (spread := spread_of_mean(list(group)))]
    error = np.sqrt(sum(v for v, _ in parts))
    freedom = error**4 / max(sum(v**2 / df for v, df in parts), 1e-300)
    gap, half = (
        float(groups[0].mean() - groups[1].mean()),
        float(student.ppf(0.975, freedom) * error),
    )
    effect = Effect("flagged − others", gap, (gap - half, gap + half))
    return Row(claim, [effect], ran, note=note)


def firm(claim: Claim, scored: Scored) -> Row:
    """How often the first of the order leads under other weights (Clopper and Pearson)."""
    shape = {"tracks": {"*": {"*": {"score": number, "first": number}}}, "config": {"draws": int}}
    found = read_json(scored.root / RANK, shape)
    effects, draws = [], found["config"]["draws"]
    for track, systems in found["tracks"].items():
        best = min(systems, key=lambda name: systems[name]["score"])
        share = systems[best]["first"]
        hits = round(share * draws)
        low = beta.ppf(0.025, hits, draws - hits + 1) if hits else 0.0
        high = beta.ppf(0.975, hits + 1, draws - hits) if hits < draws else 1.0
        what = f"{best} first, {track.replace('_', ' ')}"
        effects.append(Effect(what, share, (float(low), float(high))))
    return Row(claim, effects, f"over {draws} draws of weights")
