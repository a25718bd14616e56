"""The result of one system on one set of trials: metrics with their costs, counts, intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import metrics
from ..errors import UserError
from ..metrics.bootstrap import intervals
from ..metrics.checks import Pair
from ..metrics.crossed import crossed_interval, moved
from .asv import AsvTrials, FixedAsv
from .scores import Trials
from .ways import speakers_of_each, units_text, ways_of

FEW = 30  # trials of a class below which a cell is marked


def evaluate(
    trials: Trials,
    llr: np.ndarray | None = None,
    *,
    by: Sequence[str] = (),
    asv: AsvTrials | FixedAsv | None = None,
    replicates: int = 1000,
    seed: int = 0,
    costs: Mapping[str, float] = metrics.COSTS,
    level: float = 0.95,
) -> dict:
    """Everything `result.json` holds but the names of set and list, of `scores.Trials`.

    counts {bonafide, spoof, trials}; costs {p_spoof, c_miss, c_fa}; threshold {metric: score};
    pooled {metric: value}, EER as a fraction; by {factor: {level: cell}}, see `break_down`;
    with replicates also intervals {metric: {crossed, iid, speaker: [low, high]}} and what they rest
    on, bootstrap {level, replicates, seed, speakers_bonafide, speakers_spoof} and crossed {over,
    units}: speakers and attacks, drawn at once, where there are enough of them; and how many.

    llr (N,): LLRs in natural log for `act_dcf` and `cllr`, by default the scores
    themselves, of which `llr_given` tells. by: factors to break down by, `attack*codec` for a
    table of two. asv: of `evaluation.asv`, to add tandem costs, and itself as `asv`. replicates 0
    leaves the intervals out; level: the share of the replicates that they hold. `eer_interpolated`
    is the EER by another definition; `eer` is the one that tables show. `ece` is that of
    P(bona fide) = 1 / (1 + e^-(llr + log odds)) at the odds of the two classes in these trials;
    `classification` decides at LLR 0.
    """
    given = llr is not None
    llr = trials.scores if llr is None else llr
    bonafide, spoof = metrics.sorted_trials(*trials.split())
    factors = {name: trials.factor(name) for name in sorted({n for f in by for n in _names(f)})}
    result = {
        "counts": {"bonafide": bonafide.size, "spoof": spoof.size, "trials": len(trials.ids)},
        "costs": dict(costs),
        "threshold": _thresholds(bonafide, spoof, costs),
        "llr_given": given,
        "pooled": _pooled(trials, llr, bonafide, spoof, costs, asv),
        "classification": metrics.classification(*trials.split(llr)),
        "by": {factor: break_down(trials, llr, factor, factors, costs, asv) for factor in by},
    }
    if asv:
        result["asv"] = asv.summary()
    if replicates:
        result.update(_intervals(trials, llr, replicates, seed, costs, level))
    return result


def _thresholds(bonafide, spoof, costs):
    return {
        "act_dcf": metrics.bayes_threshold(**costs),
        "eer": metrics.eer_threshold(bonafide, spoof),
        "min_dcf": metrics.min_dcf_threshold(bonafide, spoof, **costs),
    }


def _pooled(trials, llr, bonafide, spoof, costs, asv):
    """Metrics of all trials; bonafide, spoof: their scores, ascending."""
    return {
        **_cell_metrics(trials.split(), trials.split(llr), costs),
        "eer_interpolated": metrics.eer_interpolated(bonafide, spoof),
        "auc": metrics.auc(bonafide, spoof),
        "min_cllr": metrics.min_cllr(bonafide, spoof),
        "ece": metrics.ece(*posteriors(*trials.split(llr))),
        **(asv.costs(bonafide, spoof) if asv else {}),
    }


def posteriors(bonafide: np.ndarray, spoof: np.ndarray) -> Pair:
    """P(bona fide) of LLRs, pooled at the odds of the two classes: (bona fide, spoof) parts."""
    odds = np.log(bonafide.size / spoof.size)
    return tuple(1 / (1 + np.exp(-np.clip(part + odds, -500, 500))) for part in (bonafide, spoof))


def _cell_metrics(scores, llr, costs):
    bonafide, spoof = (np.sort(part) for part in scores)
    miss, fa = metrics.detection.cost_weights(**costs)
    least, _ = metrics.detection.minimum_on_curve(bonafide, spoof, miss, fa)
    return {
        "eer": metrics.detection.eer_sorted(bonafide, spoof),
        "min_dcf": least / min(miss, fa),
        "act_dcf": metrics.act_dcf(*llr, **costs),
        "cllr": metrics.cllr(*llr),
    }


def _intervals(trials, llr, replicates, seed, costs, level):
    options = {"llr": trials.split(llr), "replicates": replicates, "seed": seed, "costs": costs}
    kinds, counts = {"iid": None}, {}
    if (speakers := trials.speakers()) is not None:
        if speakers_of_each(trials):
            kinds["speaker"] = speakers
        counts = {
            "speakers_bonafide": len(set(speakers[0])),
            "speakers_spoof": len(set(speakers[1])),
        }
    found = {
        kind: intervals(*trials.split(), groups=groups, level=level, **options)
        for kind, groups in kinds.items()
    }
    drawn = {m: {kind: list(found[kind][m]) for kind in kinds} for m in found["iid"]}
    ways, few = ways_of(trials)
    for metric, own in drawn.items() if ways else ():
        bonafide, spoof = trials.split()
        parts = moved(metric, bonafide, spoof, trials.split(llr), costs)
        if interval := crossed_interval(metric, parts, list(ways.values()), level):
            own["crossed"] = list(interval)
    return {
        "bootstrap": {"level": level, "replicates": replicates, "seed": seed, **counts},
        "crossed": {"over": " and ".join(ways), "units": units_text(ways, few)},
        "intervals": drawn,
    }


def _names(factor):
    names = factor.split("*")
    if not all(names) or len(set(names)) < len(names):
        raise UserError(f"--by: found '{factor}', wanted a factor or several as attack*codec")
    return names


def break_down(
    trials: Trials,
    llr: np.ndarray,
    factor: str,
    factors: Mapping[str, tuple[list[str], np.ndarray]],
    costs: Mapping[str, float] = metrics.COSTS,
    asv: AsvTrials | FixedAsv | None = None,
) -> dict[str, dict[str, Any]]:
    """{level: {n_bonafide, n_spoof, few, metrics}} of a factor, or of several as `attack*codec`.

    A factor that bona fide trials do not have (all `-`: an attack, a vocoder) sets its levels
    against all bona fide trials; any other restricts both classes. A cell without both classes has
    metrics None. Levels of several factors are joined by `*`.
    factors: {name: `trials.factor(name)`}.
    """
    names = _names(factor)
    keep = [index for index, name in enumerate(names) if not _of_spoof(trials, *factors[name])]
    spoof = _levels([factors[name] for name in names], ~trials.is_bonafide)
    bonafide = _levels([factors[names[index]] for index in keep], trials.is_bonafide)
    levels = set(spoof) | (set(bonafide) if len(keep) == len(names) else set())
    cells = {}
    for level in sorted(levels):
        own = bonafide.get(tuple(level[index] for index in keep), np.array([], int))
        where = dict(zip(names, level, strict=True))
        index = own, spoof.get(level, own[:0])
        cells["*".join(level)] = _cell(trials, llr, *index, costs, asv, where)
    return cells


def _of_spoof(trials, names, values):
    """Whether no bona fide trial has a level of the factor."""
    return "-" in names and bool((values[trials.is_bonafide] == names.index("-")).all())


def _levels(columns, mask):
    """{level of each factor: indices of the trials under `mask`}; one level () of no factor."""
    index = np.flatnonzero(mask)
    code = np.zeros(index.size, np.int64)
    for names, values in columns:
        code = code * len(names) + values[index]
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    levels = {}
    for part in np.split(index[order], starts[1:]) if index.size else []:
        levels[tuple(names[values[part[0]]] for names, values in columns)] = part
    return levels


def _cell(trials, llr, bonafide, spoof, costs, asv, where):
    cell = {
        "n_bonafide": bonafide.size,
        "n_spoof": spoof.size,
        "few": min(bonafide.size, spoof.size) < FEW,
    }
    if not (bonafide.size and spoof.size):
        return {**cell, "eer": None, "min_dcf": None, "act_dcf": None, "cllr": None}
    scores, llrs = ((values[bonafide], values[spoof]) for values in (trials.scores, llr))
    found = {**cell, **_cell_metrics(scores, llrs, costs)}
    return {**found, **_or_none(asv, scores, where)} if asv else found


def _or_none(asv, scores, where):
    """Tandem costs of a cell; none where all its scores are equal."""
    try:
        return asv.costs(*scores, where)
    except ValueError:
        return {}
