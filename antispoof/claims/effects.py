"""Differences and trends of EER that claims speak of, over speakers, attacks and seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.json_files import number, read_json
from ..errors import UserError
from ..evaluation.compare import mean_moved
from ..evaluation.layout import cost_path
from ..evaluation.ways import units_text, ways_of
from ..metrics.crossed import Moved, crossed_difference
from ..metrics.simultaneous import all_differences
from .listed import Effect, Row
from .plan import experiment, names_of
from .scores import POINTS, Scored, place_text, spread_of_mean

Claim = Mapping[str, Any]


def _units(ways, few):
    return f"over {units_text(ways, few)} and seeds"


def _read(names, place, scored):
    """{name: (Moved mean, [Moved of each seed])}, ways, in words."""
    found, last = {}, scored.runs(names[0], place)[1]
    for name in names:
        runs, trials = scored.runs(name, place)
        if trials.ids != last.ids:
            raise UserError(f"{name}: found other trials than those of {names[0]}")
        found[name] = mean_moved("eer", runs), [mean_moved("eer", [run]) for run in runs]
    ways, few = ways_of(last)
    if not ways:
        raise UserError(f"{last.data_dir}: found no 5 speakers or attacks, wanted them to speak of")
    return found, list(ways.values()), _units(ways, few)


def differences(claim: Claim, scored: Scored) -> Row:
    """Each pair; intervals hold for all pairs together. Seeds of a switch are the same models."""
    names, place = names_of(claim), claim["on"]
    found, ways, units = _read(names, place, scored)
    parts, pairs, seeds = [], [], []
    for first, second in claim["pairs"]:
        parts += [found[first][0], found[second][0]]
        pairs.append((len(parts) - 2, len(parts) - 1))
        values = [[own.value for own in found[name][1]] for name in (first, second)]
        if scored.switched.get(first) == second:
            seeds += [spread_of_mean([a - b for a, b in zip(*values, strict=True)]), None]
        else:
            seeds += list(map(spread_of_mean, values))
    every = all_differences(parts, pairs, ways, seeds=seeds)
    effects = [
        Effect(f"{a} − {b}", POINTS * own.value, (POINTS * own.wide[0], POINTS * own.wide[1]))
        for (a, b), own in zip(claim["pairs"], every, strict=True)
    ]
    together = f"; intervals hold for {len(pairs)} pairs together" if len(pairs) > 1 else ""
    return Row(claim, effects, f"{place_text(place)}, {units}{together}")


def _combined(claim, scored, weights: Mapping[str, float], what: str) -> Row:
    """A sum of weighted EERs, whose seeds are drawn apart in each system."""
    found, ways, units = _read(list(weights), claim["on"], scored)
    rows = [(weight, *found[name]) for name, weight in weights.items()]
    total = Moved(
        *(
            sum(w * getattr(own, key) for w, own, _ in rows)
            for key in ("value", "bonafide", "spoof")
        )
    )
    seeds = []
    for weight, _, runs in rows:
        spread = spread_of_mean([own.value for own in runs])
        if spread and weight:
            seeds.append((weight**2 * spread[0], spread[1]))
    (low, high), _ = crossed_difference(total, ways, seeds=seeds)
    effect = Effect(what, POINTS * float(total.value), (POINTS * low, POINTS * high))
    return Row(claim, [effect], f"{place_text(claim['on'])}, {units}")


def contrast(claim: Claim, scored: Scored) -> Row:
    """The mean over pairs."""
    weights: dict[str, float] = {}
    for pair in claim["pairs"]:
        for name, sign in zip(pair, (1, -1), strict=True):
            weights[name] = weights.get(name, 0) + sign / len(claim["pairs"])
    return _combined(claim, scored, weights, f"mean of {len(claim['pairs'])} differences")


def trend(claim: Claim, scored: Scored) -> Row:
    """The slope of EER over `at`, by least squares."""
    at = np.array(claim["at"], float) - np.mean(claim["at"])
    weights = dict(zip(claim["over"], at / np.square(at).sum(), strict=True))
    return _combined(claim, scored, weights, "slope, points for each")


def saving(claim: Claim, scored: Scored) -> Row:
    """The difference in EER, and what share of multiplications is saved."""
    row = differences(claim, scored)
    shape = {"macs": number, "parameters": number}
    exps = [scored.root / experiment(name, scored.seeds[0]) for name in claim["pairs"][0]]
    costs = [read_json(cost_path(exp), shape) for exp in exps]
    saved = [1 - costs[0][key] / costs[1][key] for key in ("macs", "parameters")]
    row.note = "saved: {:.1%} of MACs, {:.1%} of parameters".format(*saved)
    row.allowed = saved[0] >= claim["saving"]
    return row
