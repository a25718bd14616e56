"""Differences and trends of EER that claims speak of, over speakers, attacks and seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.json_files import number, read_json
from ..errors import UserError
from ..evaluation.compare import mean_moved
from ..evaluation.layout import cost_path
from ..evaluation.ways import TABLES, units_text, ways_of
from ..metrics.crossed import Moved, crossed_difference
from ..metrics.simultaneous import all_differences
from .listed import Effect, Row
from .plan import experiment, names_of
from .scores import POINTS, Scored, place_text, spread_of_mean

Claim = Mapping[str, Any]
COST = {
    "macs": number,
    "parameters": number,
    "modules?": [{"name": str, "macs": number, "parameters": number}],
}


def _units(ways, few, several):
    luck = " and seeds" if several else "; of one seed, whose luck is not in the interval"
    return f"over {units_text(ways, few)}{luck}"


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
    several = any(len(values) > 1 for _, values in found.values())
    return found, ways, _units(ways, few, several)


def _fixed(ways):
    """The ways without attacks, as lists; None where none is left or no attack is drawn."""
    rest = [way for words, way in ways.items() if words != TABLES["attack"]]
    return rest if 0 < len(rest) < len(ways) else None


def _effect(what, value, interval, here=None):
    value, low, high = (POINTS * float(own) for own in (value, *interval))
    here = here and (POINTS * float(here[0]), POINTS * float(here[1]))
    reach = f"{max(value - low, high - value):.2f} points"
    return Effect(what, value, (low, high), reach, here)


def differences(claim: Claim, scored: Scored) -> Row:
    """Each pair; intervals hold for all pairs together. Seeds of one training are paired."""
    names, place = names_of(claim), claim["on"]
    found, ways, units = _read(names, place, scored)
    values = {name: [own.value for own in found[name][1]] for name in names}
    parts = [found[name][0] for name in names]
    seeds = [spread_of_mean(values[name]) for name in names]
    pairs = []
    for first, second in claim["pairs"]:
        if scored.one_training(first, second):  # parts of their own, whose seeds are paired
            parts += [found[first][0], found[second][0]]
            apart = [a - b for a, b in zip(values[first], values[second], strict=True)]
            seeds += [spread_of_mean(apart), None]
            pairs.append((len(parts) - 2, len(parts) - 1))
        else:
            pairs.append((names.index(first), names.index(second)))
    every = all_differences(parts, pairs, list(ways.values()), seeds=seeds)
    fixed = _fixed(ways)
    here = all_differences(parts, pairs, fixed, seeds=seeds) if fixed else [None] * len(pairs)
    effects = [
        _effect(f"{a} − {b}", own.value, own.wide, fix and fix.wide)
        for (a, b), own, fix in zip(claim["pairs"], every, here, strict=True)
    ]
    together = f"; intervals hold for {len(pairs)} pairs together" if len(pairs) > 1 else ""
    if len(parts) > len(names):
        together += "; seeds of one training are paired"
    return Row(claim, effects, f"{place_text(place)}, {units}{together}")


def _combined(claim, scored, weights: Mapping[str, float], what: str, paired: bool) -> Row:
    """A sum of weighted EERs, whose seeds are drawn apart in each system, or together."""
    found, ways, units = _read(list(weights), claim["on"], scored)
    rows = [(weight, *found[name]) for name, weight in weights.items()]
    total = Moved(
        *(
            sum(w * getattr(own, key) for w, own, _ in rows)
            for key in ("value", "bonafide", "spoof")
        )
    )
    each = [[weight * own.value for own in runs] for weight, _, runs in rows if weight]
    if paired and len(set(map(len, each))) > 1:
        raise UserError(f"{claim['name']}: found other seeds of some, wanted the same of all")
    if paired:
        each = [[sum(values) for values in zip(*each, strict=True)]]
    spreads = [spread for own in each if (spread := spread_of_mean(own))]
    interval, _ = crossed_difference(total, list(ways.values()), seeds=spreads)
    fixed = _fixed(ways)
    here = crossed_difference(total, fixed, seeds=spreads)[0] if fixed else None
    effect = _effect(what, total.value, interval, here)
    return Row(claim, [effect], f"{place_text(claim['on'])}, {units}")


def contrast(claim: Claim, scored: Scored) -> Row:
    """The mean over pairs."""
    weights: dict[str, float] = {}
    for pair in claim["pairs"]:
        for name, sign in zip(pair, (1, -1), strict=True):
            weights[name] = weights.get(name, 0) + sign / len(claim["pairs"])
    return _combined(claim, scored, weights, f"mean of {len(claim['pairs'])} differences", False)


def trend(claim: Claim, scored: Scored) -> Row:
    """The slope of EER over `at`, by least squares: each seed has one, and they differ."""
    at = np.array(claim["at"], float) - np.mean(claim["at"])
    weights = dict(zip(claim["over"], at / np.square(at).sum(), strict=True))
    row = _combined(claim, scored, weights, "slope, points for each", True)
    row.ran += "; a slope for each seed"
    return row


def saving(claim: Claim, scored: Scored) -> Row:
    """The difference in EER, and what share of the back end's multiplications is saved."""
    row = differences(claim, scored)
    notes = []
    for pair in claim["pairs"]:
        costs = [
            read_json(cost_path(scored.root / experiment(n, scored.seeds[0])), COST) for n in pair
        ]
        own, of_all = (
            {key: 1 - a[key] / b[key] for key in ("macs", "parameters")}
            for a, b in (map(back_end, costs), costs)
        )
        enough = own["macs"] >= claim["saving"]
        row.allowed &= enough
        notes.append(
            f"{pair[0]} saves {own['macs']:.1%} of the back end's MACs (wanted "
            f"{claim['saving']:.0%}: {'held' if enough else 'not held'}), {own['parameters']:.1%} "
            f"of its parameters, {of_all['macs']:.1%} of the whole detector's MACs"
        )
    row.note = "<br>".join(notes)
    return row


def back_end(cost: Mapping[str, Any]) -> dict[str, float]:
    """{macs, parameters} of a cost.json without the front end, where that is a part of its own."""
    parts = cost.get("modules", [])
    inside = [own["name"].startswith(("back_end.", "(itself)")) for own in parts]
    apart = any(own["name"].startswith("back_end.") for own in parts)
    front = [own for own, kept in zip(parts, inside, strict=True) if apart and not kept]
    return {key: cost[key] - sum(own[key] for own in front) for key in ("macs", "parameters")}
