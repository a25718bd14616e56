"""The selection score: one openly defined number for systems, its parts, and how firm the order is.

No formula was published with the score that this stands in for, so it is defined here: a weighted
geometric mean of the ratios of each part to that of a baseline system; 1 = as good as the baseline,
lower is better. conf/rank.yaml says which parts, with which weights, in which two tracks.
"""

import json
from pathlib import Path

import numpy as np

from ..config import load_config
from ..errors import UserError
from ..paths import ROOT, system_and_seed

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


def load_ranking(path, overrides=()):
    """The config of a ranking: what `path` says, else what conf/rank.yaml of the root does.

    Raises UserError for weights that are negative or all 0, and for domains without results.
    """
    config = load_config(path, load_config(ROOT / "conf/rank.yaml", RANKING), overrides)
    weights = {**config["tracks"], **{group: config[group] for group in GROUPS}}
    for name, parts in weights.items():
        if min(parts.values()) < 0 or sum(parts.values()) <= 0:
            raise UserError(f"{path}: '{name}' wants weights from 0, one of them above 0")
    if not 0 <= config["out_of_domain_share"] <= 1 or min(config["floors"].values()) <= 0:
        raise UserError(f"{path}: wanted 'out_of_domain_share' in 0 to 1 and 'floors' above 0")
    for domain in DOMAINS:
        if not config[domain]:
            raise UserError(
                f"{path}: '{domain}' names no results; say which folders of an experiment hold "
                f"them, e.g. {domain}: [eval_known]"
            )
    return config


def read_results(exp_dir, folders):
    """{metric: value} of an experiment, the mean over its results in `folders`."""
    rows = []
    for folder in folders:
        path = Path(exp_dir) / folder / "result.json"
        result = _read(path, "evaluate it (stage 6)")
        if "classification" not in result or "ece" not in result["pooled"]:
            raise UserError(f"{path}: is of an older version; remove it and run stage 6")
        pooled = result["pooled"]
        rows.append(
            {
                **{key: pooled[key] for key in ("eer", "min_dcf", "cllr", "ece")},
                "calibration_gap": pooled["act_dcf"] - pooled["min_dcf"],
                "accuracy": result["classification"]["accuracy"],
            }
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def read_cost(exp_dir):
    """{macs, parameters, latency} of an experiment; of a fusion, the sum of its systems.

    They are those of its system, with whichever seed it was measured.
    """
    exp_dir = Path(exp_dir)
    path = exp_dir / "fusion.json"
    if path.is_file():
        parts = [read_cost(exp_dir.parent / name) for name in _read(path, "")["systems"]]
        return {key: sum(part[key] for part in parts) for key in RANKING["cost"]}
    system, _ = system_and_seed(exp_dir)
    siblings = [path.parent for path in sorted(exp_dir.parent.glob(f"{system}_seed*/cost.json"))]
    measured = [path for path in siblings if system_and_seed(path)[0] == system]
    where = exp_dir if (exp_dir / "cost.json").is_file() else next(iter(measured), exp_dir)
    cost = _read(where / "cost.json", f"run steps/describe_model.py --exp {exp_dir}")
    return {key: cost[key] for key in RANKING["cost"]}


def _read(path, remedy):
    if not path.is_file():
        raise UserError(f"{path}: no such file; {remedy}")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is not JSON ({error})") from None


def parts_of(runs, config):
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


def weights_of(config, groups):
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


def ratios(systems, baseline, floors):
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


def score(own, weights):
    """Weighted geometric mean of ratios {part: ratio}."""
    return float(np.exp(sum(weight * np.log(own[part]) for part, weight in weights.items())))


def firmness(scaled, config, groups):
    """How the order moves when every weight is drawn anew: {system: {first, best, worst}}.

    Weights are drawn evenly from all that the groups of the track and their parts could have.
    first: in which share of the draws it leads; best and worst: its places in 95 % of them.
    """
    dice = np.random.default_rng(config["seed"])
    own = [group for group, weight in groups.items() if weight > 0]
    names, places = list(scaled), []
    for _ in range(config["draws"]):
        drawn = dict(config)
        for group in own:
            keys = [key for key, weight in config[group].items() if weight > 0]
            drawn[group] = dict(zip(keys, dice.dirichlet(np.ones(len(keys))), strict=True))
        drawn["out_of_domain_share"] = dice.random()
        outer = dict(zip(own, dice.dirichlet(np.ones(len(own))), strict=True))
        weights = weights_of(drawn, outer)
        order = np.argsort([score(scaled[name], weights) for name in names], kind="stable")
        places.append(np.argsort(order) + 1)
    places = np.array(places)
    low, high = np.quantile(places, [0.025, 0.975], axis=0, method="nearest")
    return {
        name: {
            "first": float(np.mean(places[:, i] == 1)),
            "best": int(low[i]),
            "worst": int(high[i]),
        }
        for i, name in enumerate(names)
    }


def agreement(held_out, out_of_domain):
    """Rank correlation of two lists of values: {n, spearman, kendall}; None of fewer than three."""
    from scipy.stats import kendalltau, spearmanr

    found = {"n": len(held_out), "spearman": None, "kendall": None}
    if len(held_out) > 2 and np.ptp(held_out) > 0 and np.ptp(out_of_domain) > 0:
        found["spearman"] = float(spearmanr(held_out, out_of_domain).statistic)
        found["kendall"] = float(kendalltau(held_out, out_of_domain).statistic)
    return found
