"""Made-up experiments for tests of the report: every number of them is another.

Four systems: `alpha` with seeds 2, 3 and 10, one with two seeds and a name that HTML must escape,
`gamma` without a seed or the list `unknown`, and a fusion, which comes last for all its name.
"""

import json
from pathlib import Path

import numpy as np

from antispoof.data.tables import write_table

ODD = "b_<i>&\"'é"
RUNS = [("alpha", 2), ("alpha", 3), ("alpha", 10), (ODD, 1), (ODD, 2), ("gamma", None)]
RUNS += [("a_fusion", 1)]
SYSTEMS = ["alpha", ODD, "gamma", "a_fusion"]
CONDITIONS = ("known", "unknown", "all")
EER = {
    "alpha": (0.0712, 0.0523, 0.0687),
    ODD: (0.0345, 0.0911, 0.0523),  # the best of `known` and `all` is neither first nor last
    "gamma": (0.0456, None, 0.0599),
    "a_fusion": (0.0391, 0.0667, 0.0621),
}
CLLR = {
    "alpha": (0.2719, 0.3313, 0.4157),
    ODD: (0.3181, 0.2917, 0.3559),
    "gamma": (None, None, 0.2345),  # two best of `all`
    "a_fusion": (0.1973, 0.2539, 0.2345),
}
COUNTS = {"known": (1250, 341), "unknown": (1249, 20752), "all": (1251, 21093)}
ATTACKS = {"A01": (41, 0.61), "A<2>": (1052, 2.3), "A17": (17, 12.5)}  # spoof trials, ease
CODECS = {"gsm": (421, 811, 0.37), "n&a": (830, 1333, 1.7)}
PROVENANCE = {
    "config.yaml": "model: <one> & more\n",
    "env.txt": "commit: 0123456789ab\n",
    ".done": "steps/train.py <a>\n",
    "calibration.json": '{"slope": 0.123}\n',
    "fusion.json": '{"systems": ["alpha_seed3", "b_<i>&\\"\'é_seed1"]}\n',
}
COSTS = {  # measured with one seed each, not with the first
    "alpha_seed3": {"parameters": 1234567, "macs": 98765432100, "latency": 12.345},
    f"{ODD}_seed2": {"parameters": 305400, "macs": 2400600700, "latency": 1034.5},
}
CURVES = {
    "alpha_seed2": "1,0.91,0.83,0.31,0.41,0.22\n2,0.52,0.47,0.17,,0.24\n"
    "4,0.29,0.41,0.13,0.33,0.2\n",
    "alpha_seed10": "1,0.99,0.88,0.27,0.44,0.26\n2,0.61,0.53,0.19,0.35,0.25\n",
}
HEADER = "epoch,train_loss,dev_loss,dev_eer,watch_other_eer,watch_eval_eer\n"


def folder(system, seed):
    """The name of an experiment."""
    return system if seed is None else f"{system}_seed{seed}"


def values(system, seed, condition):
    """{metric: value} of a run on a condition, or None; the best EER has the worst minDCF."""
    place = CONDITIONS.index(condition)
    if EER[system][place] is None:
        return None
    number = [own for own in RUNS if own[0] == system].index((system, seed))
    luck = (0, 0.0031, 0.0118)[number]
    eer, cllr = EER[system][place] + luck, CLLR[system][place]
    cllr = None if cllr is None else cllr + 7 * luck
    return {"eer": eer, "min_dcf": 0.9 - 5 * eer + 0.01 * place, "act_dcf": 0.99, "cllr": cllr}


def cell(n_bonafide, n_spoof, eer):
    """One level of a factor."""
    few = min(n_bonafide, n_spoof) < 30
    return {"n_bonafide": n_bonafide, "n_spoof": n_spoof, "few": few, "eer": eer}


def result(system, seed, condition):
    """What result.json holds; of a list of trials, breakdowns have numbers of their own."""
    found, where = values(system, seed, condition), CONDITIONS.index(condition)
    eer, (n_bonafide, n_spoof) = found["eer"], COUNTS[condition]
    n_bonafide -= 252 if (system, condition) == ("gamma", "known") else 0
    lists = {"known": ["A01", "A17"], "unknown": ["A17", "A<2>"], "all": ATTACKS}[condition]
    ease = 1.0 if condition == "all" else 0.111
    attacks = {a: cell(n_bonafide, ATTACKS[a][0], ease * ATTACKS[a][1] * eer) for a in lists}
    codecs = {name: cell(b, s, ease * share * eer) for name, (b, s, share) in CODECS.items()}
    both = {
        f"{a}*{c}": cell(b, ATTACKS[a][0] + b, ease * share * ATTACKS[a][1] * eer)
        for a in lists
        for c, (b, s, share) in CODECS.items()
        if (a, c) != ("A01", "n&a")
    }
    if seed == 3:  # without a figure, or short of trials, in one run alone
        attacks["A01"] = cell(n_bonafide, 9, None)
        both["A17*gsm"] = cell(3, 0, None)
    by = {"attack": attacks, "attack*codec": both, "codec": codecs}
    if system == ODD:
        by.update({"attack*codec*lab": {"A01*gsm*x": cell(31, 32, 0.2)}, "vocoder": {}})
    intervals = {"iid": [0.83 * eer, 1.21 * eer]}
    if system != "gamma":
        intervals["speaker"] = [0.71 * eer, 1.33 * eer]
    whole = {
        "set": "eval",
        "trials": None if condition == "all" else condition,
        "counts": {"bonafide": n_bonafide, "spoof": n_spoof, "trials": n_bonafide + n_spoof},
        "costs": {"p_spoof": 0.07, "c_miss": 3, "c_fa": 11},
        "llr_given": True,
        "pooled": found,
        "by": by,
        "bootstrap": {"level": 0.9, "replicates": 700 + where, "seed": 0},
        "intervals": {"eer": intervals},
    }
    if (system, condition) == ("a_fusion", "unknown"):
        del whole["intervals"], whole["bootstrap"]
    return whole


def compared(first, second, trials, values):
    """What steps/compare.py writes. values: {metric: (difference, trials, mixed or none)}."""
    metrics = {}
    for name, (difference, *kinds) in values.items():
        tables = [
            {kind: {"interval": [low, high], "p": p} for kind, (low, high, p) in own.items()}
            for own in kinds
        ]
        metrics[name] = {"difference": difference, "trials": tables[0]}
        if len(tables) > 1:
            metrics[name]["mixed"] = tables[1]
    return {
        "systems": [first, second],
        "seeds": ["1", "2", "3"] if any("mixed" in own for own in metrics.values()) else [],
        "set": "eval",
        "trials": trials,
        "metrics": metrics,
        "sentences": [f"{name}: {first} <and> {second}." for name in metrics],
        "units": {"iid": "77 trials", "speaker": "5 & 6 speakers", "attack": "3 attacks"},
        "counts": {"bonafide": 60, "spoof": 100},
    }


def ranked():
    """What steps/rank.py writes, of three systems."""
    sizes = {"alpha": (2000000, 5e9, 3.25), ODD: (400500, 7.7e9, 1.75), "gamma": (90000, 1e9, 0.5)}
    rows = {"alpha": (1.0, 3, 1), ODD: (0.512, 2, 1), "gamma": (0.734, 3, 2)}
    parts, tracks = {}, {"without_cost": {}, "with_cost": {}}
    for index, (name, (size, macs, time)) in enumerate(sizes.items()):
        score, worst, best = rows[name]
        share = {"first": (0.21, 0.68, 0.11)[index], "best": best, "worst": worst}
        own = {"accuracy": 0.9 - index / 7, "calibration": 0.8 + index / 9}
        tracks["without_cost"][name] = {"score": score, **own, **share}
        tracks["with_cost"][name] = {"score": 1.3 - score, **own, "cost": 1.1 + index / 3, **share}
        parts[name] = {"parameters": size, "macs": macs, "latency": time}
        for place, domain in enumerate(("in_domain", "out_of_domain")):
            for number, key in enumerate(("eer", "min_dcf", "cllr", "calibration_gap", "ece")):
                parts[name][f"{key} {domain}"] = (1 + index) * (
                    0.013 + 0.041 * place + 0.0071 * number
                )
            parts[name][f"accuracy {domain}"] = 0.97 - 0.03 * index - 0.11 * place
    return {
        "baseline": "alpha",
        "config": {},
        "parts": parts,
        "ratios": {n: {k: 9.9 for k in own if "accuracy" not in k} for n, own in parts.items()},
        "tracks": tracks,
        "runs": ["alpha_seed1", f"{ODD}_seed1", "gamma", "alpha_seed2"],
        "eer": {
            "in_domain": [0.041, 0.012, 0.025, 0.057],
            "out_of_domain": [0.11, 0.21, 0.07, 0.17],
        },
        "agreement": {"n": 4, "spearman": -0.4, "kendall": 0.3333},
    }


def write_data(root):
    """data/eval: 14 bona fide and 23 spoof trials; the lists hold part of either class."""
    rng, tables = np.random.default_rng(4), {"wav.scp": {}, "utt2label": {}}
    order = rng.permutation(37)
    for number in range(37):
        tables["wav.scp"][f"u{number:02d}"] = f"/nowhere/u{number:02d}.flac"
        tables["utt2label"][f"u{number:02d}"] = "bonafide" if order[number] < 14 else "spoof"
    for name, table in tables.items():
        write_table(root / "data/eval" / name, table)
    lists = {"known": [n for n in range(37) if order[n] < 11 or order[n] % 3 == 0]}
    lists["unknown"] = [n for n in range(37) if 2 < order[n] < 14 or order[n] % 3 == 1]
    (root / "data/eval/trials").mkdir()
    for name, numbers in lists.items():
        (root / "data/eval/trials" / name).write_text("".join(f"u{n:02d}\n" for n in numbers))
    for index, (system, seed) in enumerate([("alpha", 2), ("alpha", 10), (ODD, 1), (ODD, 2)]):
        mean = np.where(order < 14, 1.1, -0.7)
        scores = np.round(rng.normal(mean, 1 + index / 5) * (1 + index), 2 if index else 1)
        write = {"scores": scores, **({"llr/scores": 0.6 * scores - 0.9} if index != 2 else {})}
        for name, own in write.items():
            table = {f"u{n:02d}": repr(float(own[n])) for n in range(37)}
            write_table(root / "exp" / folder(system, seed) / "eval" / name, table)


def write(root):
    """Write data, exp, compare and rank.json below `root`; returns it."""
    root = Path(root)
    write_data(root)
    for system, seed in RUNS:
        exp = root / "exp" / folder(system, seed)
        for condition in CONDITIONS:
            if values(system, seed, condition):
                path = exp / ("eval" if condition == "all" else f"eval_{condition}")
                path.mkdir(parents=True, exist_ok=True)
                (path / "result.json").write_text(json.dumps(result(system, seed, condition)))
        for name, text in PROVENANCE.items():
            if name != "fusion.json" or system == "a_fusion":
                (exp / name).write_text(text)
    for name, cost in COSTS.items():
        (root / "exp" / name / "cost.json").write_text(json.dumps(cost))
    for name, text in CURVES.items():
        (root / "exp" / name / "curve.csv").write_text(HEADER + text)
    (root / "exp/gamma/curve.csv").write_text(HEADER)  # ended before its first epoch
    (root / "data/PROVENANCE").write_text("".join(f"package <{n}>\n" for n in range(1, 44)))
    (root / "data/missing_attacks").write_text("A09 <never> made\n\nA10 neither\n")
    (root / "rank.json").write_text(json.dumps(ranked()))
    (root / "compare").mkdir()
    for name, found in comparisons().items():
        (root / "compare" / f"{name}.json").write_text(json.dumps(found))
    return root


def comparisons():
    """Three files: two of the same trials, with seeds and speakers, and one of others, without."""
    a = {
        "eer": (
            -0.0123,
            {"iid": (-0.02, -0.003, 0.004), "speaker": (-0.031, -0.001, 0.013)},
            {"iid": (-0.022, -0.0021, 0.0241), "speaker": (-0.043, 0.0062, 0.0917)},
        ),
        "min_dcf": (
            0.0345,
            {"iid": (-0.01, 0.07, 0.11), "speaker": (-0.02, 0.08, 0.22)},
            {"iid": (0.011, 0.066, 0.0123456), "speaker": (0.0019, 0.0771, 0.0333)},
        ),
        "act_dcf": (
            -0.0456,
            {"iid": (-0.09, 0.01, 0.31), "attack": (-0.08, 0.02, 0.41)},
            {"iid": (-0.071, -0.011, 0.0511), "speaker": (-0.0812, -0.0021, 0.0582)},
        ),
    }
    b = {key: (2 * gap, *kinds) for key, (gap, *kinds) in a.items()}
    b["cllr"] = (0.5, *a["eer"][1:])
    c = {"eer": (0.0071, {"iid": (0.0, 0.0142, 0.0699)}), "cllr": (0.3, {"iid": (0.1, 0.4, 1e-3)})}
    return {
        "a": compared("alpha", ODD, None, a),
        "b": compared("gamma", "alpha", None, b),
        "c": compared(ODD, "gamma", "known", c),
    }
