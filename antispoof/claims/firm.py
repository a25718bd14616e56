"""How firm the choice of a weighted score is: weights, seeds, speakers and attacks redrawn."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.json_files import read_json
from ..evaluation import rank
from ..evaluation.evaluate import evaluate
from ..evaluation.layout import llr_path, result_path, scores_path
from ..evaluation.results import read_cost
from ..evaluation.scores import join, read_scores
from .listed import Effect, Row
from .plan import experiment
from .scores import Scored

CONFIG = "conf/rank.yaml"
REDRAWS, WEIGHTS = 100, 200  # of seeds and trials; of weights in each of them
PARTS = ("eer", "min_dcf", "cllr", "ece")


def firm(claim: Mapping[str, Any], scored: Scored) -> Row:
    """The share of weights under which the choice leads; with its interval of redrawn data."""
    config = rank.load_ranking(scored.root / CONFIG)
    exps = {
        name: [scored.root / experiment(name, seed) for seed in scored.seeds_of(name)]
        for name in claim["over"]
    }
    found = rank.rank([exp for own in exps.values() for exp in own], config)
    shares: dict[str, list[float]] = {track: [] for track in found["tracks"]}
    tables = {name: [_tables(exp, scored, config) for exp in own] for name, own in exps.items()}
    costs = {name: read_cost(own[0]) for name, own in exps.items()}
    for number in range(REDRAWS):
        rng = np.random.default_rng([number, 0])
        values = _redrawn(tables, costs, rng)
        scaled = rank.ratios(values, found["baseline"], config["floors"])
        drawn = {**config, "draws": WEIGHTS, "seed": number}
        for track, groups in config["tracks"].items():
            shares[track].append(rank.firmness(scaled, drawn, groups)[claim["choice"]]["first"])
    effects = []
    for track, systems in found["tracks"].items():
        ends = np.quantile(shares[track], [0.025, 0.975])
        own = systems[claim["choice"]]["first"]
        low, high = min(float(ends[0]), own), max(float(ends[1]), own)
        best = min(systems, key=lambda name: systems[name]["score"])
        what = f"{claim['choice']} first, {track.replace('_', ' ')}"
        effects.append(Effect(what, own, (low, high), f"{best} has the best score"))
    ran = f"over {config['draws']} draws of weights; in the interval seeds, speakers and attacks "
    return Row(claim, effects, f"{ran}are drawn again too, {REDRAWS} times")


def _tables(exp, scored, config):
    """{domain: [(trials, LLRs, costs) of each of its results]} of one experiment."""
    found: dict[str, list] = {}
    for domain in rank.DOMAINS:
        found[domain] = []
        for folder in config[domain]:
            said = read_json(
                result_path(exp, folder), {"set": str, "trials": (str, None), "costs": {}}
            )
            trials = join(
                scored.root / "data" / said["set"], scores_path(exp, said["set"]), said["trials"]
            )
            table = read_scores(llr_path(exp, said["set"]))
            llr = np.array([table[utt] for utt in trials.ids])
            found[domain].append((trials, llr, said["costs"]))
    return found


def _redrawn(tables, costs, rng):
    """{system: {part: value}} of seeds drawn again, and of trials, which are the same for all."""
    base, values = int(rng.integers(2**31)), {}
    for name, runs in tables.items():
        rows = []
        for place in rng.integers(len(runs), size=len(runs)):
            row = dict(costs[name])
            for domain, own in runs[place].items():
                every = [_parts(one, base) for one in own]
                row.update({f"{k} {domain}": np.mean([e[k] for e in every]) for k in every[0]})
            rows.append(row)
        values[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return values


def _parts(judged, base):
    """What rank.yaml weighs, of trials whose speakers and attacks are drawn with return."""
    trials, llr, costs = judged
    for tries in range(100):
        rng = np.random.default_rng([base, tries])
        index = np.repeat(np.arange(len(llr)), _times(trials, rng))
        drawn = dataclasses.replace(
            trials,
            ids=[trials.ids[i] for i in index],
            scores=trials.scores[index],
            is_bonafide=trials.is_bonafide[index],
            known=None,
        )
        if 0 < drawn.is_bonafide.sum() < len(index):
            break
    pooled = evaluate(drawn, llr[index], costs=costs, replicates=0)["pooled"]
    return {
        **{key: pooled[key] for key in PARTS},
        "calibration_gap": pooled["act_dcf"] - pooled["min_dcf"],
    }


def _times(trials, rng):
    """(N,) how often each trial is drawn: its speaker, and the attack that made it."""
    times = np.ones(len(trials.ids), np.int64)
    if (trials.data_dir / "utt2spk").is_file():
        names, index = trials.factor("spk")
        times *= np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[index]
    if (trials.data_dir / "utt2attack").is_file():
        index = trials.factor("attack")[1]
        own = np.unique(index[~trials.is_bonafide])
        drawn = rng.choice(own, size=len(own))
        counts = np.bincount(drawn, minlength=int(index.max()) + 1)
        times *= np.where(trials.is_bonafide, 1, counts[index])
    return times
