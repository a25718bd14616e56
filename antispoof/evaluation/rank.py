"""The selection score: one openly defined number for systems, its parts, and how firm the order is.

No formula was published with the score that this stands in for, so it is defined here: a weighted
geometric mean of the ratios of each part to that of a baseline system; 1 = as good as the baseline,
lower is better. conf/rank.yaml says which parts, with which weights, in which two tracks.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config import load_config
from ..errors import UserError
from ..paths import ROOT, require_names, system_and_seed
from .results import read_cost, read_results

GROUPS = ("accuracy", "calibration", "cost")
RANKING = {
    "baseline": "",
    "in_domain": [],
    "out_of_domain": [],
    "out_of_domain_share": 0.5,
    "tracks": {track: dict.fromkeys(GROUPS, 0.0) for track in ("without_cost", "with_cost")},
    "accuracy": {"eer": 0.0, "min_dcf": 0.0},
    "calibration": {"cllr": 0.0, "calibration_gap": 0.0, "ece": 0.0},
    "cost": {"macs": 0.0, "parameters": 0.0, "latency": 0.0},
    "floors": {
        "eer": 0.001,
        "min_dcf": 0.001,
        "cllr": 0.005,
        "calibration_gap": 0.01,
        "ece": 0.005,
    },
    "draws": 2000,
    "seed": 0,
}
DOMAINS = ("in_domain", "out_of_domain")


def load_ranking(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The config of a ranking: what `path` says, else what conf/rank.yaml of the root does.

    Raises UserError for weights that are negative or all 0, and for domains without results.
    """
    config = load_config(path, load_config(ROOT / "conf/rank.yaml", RANKING), overrides)
    weights = {**config["tracks"], **{group: config[group] for group in GROUPS}}
    for name, parts in weights.items():
        if min(parts.values()) < 0 or sum(parts.values()) <= 0:
            raise UserError(f"{path}: '{name}' needs weights from 0, one of them above 0")
    if not 0 <= config["out_of_domain_share"] <= 1 or min(config["floors"].values()) <= 0:
        raise UserError(f"{path}: wanted 'out_of_domain_share' in 0 to 1 and 'floors' above 0")
    if config["draws"] < 1 or config["seed"] < 0:
        raise UserError(f"{path}: wanted 'draws' from 1 and 'seed' from 0")
    for domain in DOMAINS:
        if not config[domain] or not all(isinstance(name, str) for name in config[domain]):
            raise UserError(
                f"{path}: '{domain}' names no results; say which folders of an experiment hold "
                f"them, e.g. {domain}: [eval_known]"
            )
    return config


def parts_of(runs: Iterable[str | Path], config: dict[str, Any]) -> dict[str, float]:
    """{part: value} of one system: the mean over its experiments (seeds).

    Parts of accuracy and calibration are named `eer in_domain`, `eer out_of_domain`, and so on.
    """
    rows = []
    for exp_dir in runs:
        row = read_cost(exp_dir) if _wants_cost(config) else {}
        for domain in DOMAINS:
            found = read_results(exp_dir, config[domain])
            row.update({f"{key} {domain}": value for key, value in found.items()})
        rows.append(row)
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _wants_cost(config):
    return any(track["cost"] > 0 for track in config["tracks"].values())


def weights_of(config: dict[str, Any], groups: Mapping[str, float]) -> dict[str, float]:
    """{part: weight}, summing to 1, of a track that weighs `groups` {group: weight}."""
    weights = {}
    for group, own in groups.items():
        inner = sum(config[group].values())
        for key, weight in config[group].items():
            share = own / sum(groups.values()) * weight / inner
            if group == "cost":
                weights[key] = share
            else:
                far = config["out_of_domain_share"]
                weights[f"{key} in_domain"] = share * (1 - far)
                weights[f"{key} out_of_domain"] = share * far
    return {part: weight for part, weight in weights.items() if weight > 0}


def ratios(
    systems: dict[str, dict[str, float]], baseline: str, floors: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """{system: {part: value / value of the baseline}}; values below a floor count as the floor."""

    def floored(part, value):
        return max(value, floors.get(part.partition(" ")[0], 1e-300))

    return {
        name: {
            part: floored(part, value) / floored(part, systems[baseline][part])
            for part, value in parts.items()
            if not part.startswith("accuracy")  # higher is better; for the table of sizes alone
        }
        for name, parts in systems.items()
    }


def score(own: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Weighted geometric mean of ratios {part: ratio}."""
    return float(np.exp(sum(weight * np.log(own[part]) for part, weight in weights.items())))


def firmness(
    scaled: dict[str, dict[str, float]], config: dict[str, Any], groups: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """How the order moves when every weight is drawn again: {system: {first, best, worst}}.

    Weights are drawn evenly from all that the groups of the track and their parts could have.
    first: in which share of the draws it leads; best and worst: its places in 95 % of them.
    """
    rng = np.random.default_rng(config["seed"])
    own = [group for group, weight in groups.items() if weight > 0]
    names, places = list(scaled), []
    for _ in range(config["draws"]):
        drawn = dict(config)
        for group in own:
            keys = [key for key, weight in config[group].items() if weight > 0]
            drawn[group] = dict(zip(keys, rng.dirichlet(np.ones(len(keys))), strict=True))
        drawn["out_of_domain_share"] = rng.random()
        outer = dict(zip(own, rng.dirichlet(np.ones(len(own))), strict=True))
        weights = weights_of(drawn, outer)
        order = np.argsort([score(scaled[name], weights) for name in names], kind="stable")
        places.append(np.argsort(order) + 1)
    table = np.array(places)
    low, high = np.quantile(table, [0.025, 0.975], axis=0, method="nearest")
    return {
        name: {
            "first": float(np.mean(table[:, i] == 1)),
            "best": int(low[i]),
            "worst": int(high[i]),
        }
        for i, name in enumerate(names)
    }


def agreement(held_out: Sequence[float], out_of_domain: Sequence[float]) -> dict[str, Any]:
    """Rank correlation of two lists of values: {n, spearman, kendall}; None of fewer than three."""
    from scipy.stats import kendalltau, spearmanr

    found: dict[str, Any] = {"n": len(held_out), "spearman": None, "kendall": None}
    if len(held_out) > 2 and np.ptp(held_out) > 0 and np.ptp(out_of_domain) > 0:
        found["spearman"] = float(spearmanr(held_out, out_of_domain).statistic)
        found["kendall"] = float(kendalltau(held_out, out_of_domain).statistic)
    return found


def rank(exp_dirs: list, config: dict) -> dict:
    """Everything that is known of the order of experiments, as `steps/rank.py --out` writes it.

    config: as `load_ranking` gives it. Experiments of one system, with several seeds, are averaged.
    Raises UserError for a baseline that is none of the systems, and for results that are missing.
    """
    require_names(exp_dirs)
    runs: dict[str, list] = {}
    for exp_dir in exp_dirs:
        runs.setdefault(system_and_seed(exp_dir)[0], []).append(exp_dir)
    values = {name: parts_of(own, config) for name, own in sorted(runs.items())}
    baseline = config["baseline"] or system_and_seed(exp_dirs[0])[0]
    if baseline not in values:
        raise UserError(f"baseline: found '{baseline}', wanted one of {', '.join(values)}")
    scaled = ratios(values, baseline, config["floors"])
    eers = [[read_results(exp, config[domain])["eer"] for exp in exp_dirs] for domain in DOMAINS]
    return {
        "baseline": baseline,
        "config": config,
        "parts": values,
        "ratios": scaled,
        "tracks": {
            track: _track(scaled, config, groups) for track, groups in config["tracks"].items()
        },
        "runs": [exp.resolve().name for exp in exp_dirs],
        "eer": dict(zip(DOMAINS, eers, strict=True)),
        "agreement": agreement(*eers),
    }


def _track(scaled, config, groups):
    """{system: its score, that by each group alone, and how firm its place is} of one track."""
    weights, firm = weights_of(config, groups), firmness(scaled, config, groups)
    used = [group for group, weight in groups.items() if weight > 0]
    alone = {group: weights_of(config, {group: 1.0}) for group in used}
    return {
        name: {
            "score": score(own, weights),
            **{group: score(own, alone[group]) for group in used},
            **firm[name],
        }
        for name, own in scaled.items()
    }
