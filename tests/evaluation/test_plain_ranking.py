"""The selection score against plain Python: every part, weight, ratio, floor, draw and rank."""

import json
import math

import numpy as np
import pytest
from plain_results import call, mean

from antispoof.evaluation import rank

RUNS = {"big": (1, 2, 3), "mid": (2, 5), "tiny": (1,)}
DOMAINS = {"in_domain": ["a_known", "a_held"], "out_of_domain": ["a_far", "b_far", "c_far"]}
CONFIG = {
    "baseline": "mid",
    **DOMAINS,
    "out_of_domain_share": 0.8,
    "tracks": {
        "without_cost": {"accuracy": 3.0, "calibration": 1.0, "cost": 0.0},
        "with_cost": {"accuracy": 2.0, "calibration": 1.0, "cost": 1.5},
    },
    "accuracy": {"eer": 1.0, "min_dcf": 3.0},
    "calibration": {"cllr": 1.0, "calibration_gap": 2.0, "ece": 0.5},
    "cost": {"macs": 1.0, "parameters": 0.25, "latency": 3.0},
    "floors": {"eer": 0.2, "min_dcf": 0.18, "cllr": 0.2, "calibration_gap": 0.1, "ece": 0.06},
    "draws": 60,
    "seed": 7,
}
GROUPS = {name: list(CONFIG[name]) for name in ("accuracy", "calibration", "cost")}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Results of which no two numbers are alike; a system has one, two or three seeds."""
    place, rng = tmp_path_factory.mktemp("ranking"), np.random.default_rng(4)
    for size, (system, seeds) in enumerate(RUNS.items()):
        for seed in seeds:
            exp = place / "exp" / f"{system}_seed{seed}"
            for folder in (*DOMAINS["in_domain"], *DOMAINS["out_of_domain"]):
                eer, least, gap, cllr, ece, right = rng.uniform(0.01, 0.4, 6)
                pooled = {"eer": eer, "min_dcf": least, "act_dcf": least + gap / 2}
                pooled |= {"cllr": cllr, "ece": ece / 3, "auc": 0.5}
                result = {"pooled": pooled, "classification": {"accuracy": 1 - right, "f1": 0.1}}
                write(exp / folder / "result.json", result)
        cost = {"macs": 9e6 / 3**size, "parameters": 7000 // 5**size, "latency": 2.5 / 2**size}
        write(exp / "cost.json", {**cost, "seconds": 99})
    (place / "conf").mkdir()
    (place / "conf/rank.yaml").write_text(json.dumps(CONFIG))
    return place


def exps(place):
    return [place / "exp" / f"{name}_seed{seed}" for name, own in RUNS.items() for seed in own]


@pytest.fixture(scope="module")
def ranked(place):
    call("steps/rank.py", "--out", "rank.json", *exps(place), cwd=place)
    return json.loads((place / "rank.json").read_text())


def plain_result(exp, folders, key):
    values = []
    for folder in folders:
        result = json.loads((exp / folder / "result.json").read_text())
        pooled = result["pooled"]
        if key == "calibration_gap":
            values.append(pooled["act_dcf"] - pooled["min_dcf"])
        elif key == "accuracy":
            values.append(result["classification"]["accuracy"])
        else:
            values.append(pooled[key])
    return mean(values)


def plain_parts(place, system):
    runs = [path for path in exps(place) if path.name.startswith(f"{system}_")]
    parts = json.loads((runs[-1] / "cost.json").read_text())
    del parts["seconds"]
    for domain, folders in DOMAINS.items():
        for key in (*GROUPS["accuracy"], *GROUPS["calibration"], "accuracy"):
            own = [plain_result(exp, folders, key) for exp in runs]
            parts[f"{key} {domain}"] = mean(own)
    return parts


def plain_weights(config, groups):
    """Each part's share of its group times the group's share; far results have `share` of it."""
    weights, share = {}, config["out_of_domain_share"]
    for group, own in groups.items():
        for key, weight in config[group].items():
            part = own / sum(groups.values()) * weight / sum(config[group].values())
            if group == "cost":
                weights[key] = part
            else:
                weights[f"{key} in_domain"] = part * (1 - share)
                weights[f"{key} out_of_domain"] = part * share
    return weights


def plain_ratios(place):
    parts, ratios = {name: plain_parts(place, name) for name in RUNS}, {}
    for name, own in parts.items():
        ratios[name] = {}
        for part, value in own.items():
            least = CONFIG["floors"].get(part.split()[0], 0)
            if not part.startswith("accuracy"):
                ratios[name][part] = max(value, least) / max(parts["mid"][part], least)
    return ratios


def plain_score(own, weights):
    return math.prod(own[part] ** weight for part, weight in weights.items() if weight)


def test_parts_are_means_over_seeds_of_means_over_folders(place, ranked):
    assert ranked["parts"] == {n: pytest.approx(plain_parts(place, n)) for n in sorted(RUNS)}


def test_ratios_are_those_of_floored_values_to_the_baseline(place, ranked):
    assert ranked["ratios"] == {n: pytest.approx(own) for n, own in plain_ratios(place).items()}
    mid = plain_parts(place, "mid")
    below = {
        part for part, value in mid.items() if value < CONFIG["floors"].get(part.split()[0], 0)
    }
    assert 2 < len(below) < 8  # so that floors matter
    assert ranked["baseline"] == "mid"


@pytest.mark.parametrize("track", ["without_cost", "with_cost"])
def test_scores_of_a_track_and_of_its_groups(place, ranked, track):
    groups = CONFIG["tracks"][track]
    for name, own in plain_ratios(place).items():
        found = ranked["tracks"][track][name]
        assert found["score"] == pytest.approx(plain_score(own, plain_weights(CONFIG, groups)))
        for group, weight in groups.items():
            alone = plain_score(own, plain_weights(CONFIG, {group: 1}))
            assert found.get(group) == (pytest.approx(alone) if weight else None)


def test_weights_sum_to_one_and_leave_out_what_weighs_nothing():
    for groups in CONFIG["tracks"].values():
        found = rank.weights_of(CONFIG, groups)
        wanted = plain_weights(CONFIG, groups)
        assert found == pytest.approx({part: weight for part, weight in wanted.items() if weight})
        assert sum(found.values()) == pytest.approx(1)
    near = rank.weights_of({**CONFIG, "out_of_domain_share": 0.0}, {"accuracy": 2.0})
    assert near == pytest.approx({"eer in_domain": 0.25, "min_dcf in_domain": 0.75})
    far = rank.weights_of({**CONFIG, "out_of_domain_share": 1.0}, {"accuracy": 2.0})
    assert far == pytest.approx({"eer out_of_domain": 0.25, "min_dcf out_of_domain": 0.75})


def plain_places(ratios, config, groups):
    """The place of each system in each draw: parts of each group, then the share, then groups."""
    rng, places = np.random.default_rng(config["seed"]), []
    own = [group for group, weight in groups.items() if weight]
    for _ in range(config["draws"]):
        drawn = dict(config)
        for group in own:
            keys = [key for key, weight in config[group].items() if weight]
            drawn[group] = dict(zip(keys, rng.dirichlet([1] * len(keys)), strict=True))
        drawn["out_of_domain_share"] = rng.random()
        weights = plain_weights(drawn, dict(zip(own, rng.dirichlet([1] * len(own)), strict=True)))
        scores = {name: plain_score(row, weights) for name, row in ratios.items()}
        order = sorted(scores, key=scores.get)
        places.append({name: order.index(name) + 1 for name in scores})
    return places


@pytest.mark.parametrize("track", ["without_cost", "with_cost"])
def test_firmness_counts_places_under_drawn_weights(place, ranked, track):
    places = plain_places(plain_ratios(place), CONFIG, CONFIG["tracks"][track])
    firsts = []
    for name in RUNS:
        own, found = sorted(row[name] for row in places), ranked["tracks"][track][name]
        firsts.append(mean(value == 1 for value in own))
        assert found["first"] == pytest.approx(firsts[-1])
        # the middle 95 % of 60 draws: those at 0.025 and 0.975 of the 59 steps between them
        assert (found["best"], found["worst"]) == (own[round(0.025 * 59)], own[round(0.975 * 59)])
    assert len(set(firsts)) > 1


@pytest.mark.parametrize("seed", range(4))
def test_firmness_draws_only_what_a_track_weighs(seed):
    config = {**CONFIG, "accuracy": {"eer": 1.0, "min_dcf": 0.0}, "draws": 30, "seed": seed}
    rng = np.random.default_rng(seed)
    parts = plain_weights(CONFIG, {"accuracy": 1, "calibration": 1, "cost": 1})
    ratios = {name: {part: float(rng.uniform(0.5, 2)) for part in parts} for name in "abcdef"}
    groups = {"accuracy": 1.0, "calibration": 0.0, "cost": 0.5}
    found = rank.firmness(ratios, config, groups)
    places = plain_places(ratios, config, groups)
    for name in ratios:
        own = sorted(row[name] for row in places)
        ends = own[round(0.025 * 29)], own[round(0.975 * 29)]
        assert (found[name]["best"], found[name]["worst"]) == ends
        assert found[name]["first"] == pytest.approx(mean(place == 1 for place in own))
    assert rank.firmness(ratios, {**config, "seed": 9}, groups) != found


def test_best_and_worst_are_where_95_percent_of_the_draws_lie():
    """`a` leads where the share of out of domain is below a limit, so in about as many draws."""
    config = {**CONFIG, "draws": 1000, "accuracy": {"eer": 1.0, "min_dcf": 0.0}}
    for limit, best in ((0.05, 1), (0.01, 2)):
        near = {"eer in_domain": math.exp(-limit / (1 - limit)), "eer out_of_domain": math.e}
        ratios = {"a": near, "b": dict.fromkeys(near, 1.0)}
        found = rank.firmness(ratios, config, {"accuracy": 1.0, "calibration": 0, "cost": 0})
        assert (found["a"]["best"], found["a"]["worst"]) == (best, 2)
        assert (found["b"]["best"], found["b"]["worst"]) == (1, 3 - best)


def plain_ranks(values):
    return [mean([sum(v < x for v in values) + 1, sum(v <= x for v in values)]) for x in values]


def plain_agreement(x, y):
    """Spearman: correlation of mean ranks. Kendall's tau b: ties count for neither side."""
    r, s = plain_ranks(x), plain_ranks(y)
    mr, ms = mean(r), mean(s)
    top = sum((a - mr) * (b - ms) for a, b in zip(r, s, strict=True))
    spearman = top / math.sqrt(sum((a - mr) ** 2 for a in r) * sum((b - ms) ** 2 for b in s))
    pairs = [(i, j) for j in range(len(x)) for i in range(j)]
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in pairs]
    both = [sum(bool(sign[k]) for sign in signs) for k in (0, 1)]
    return spearman, sum(a * b for a, b in signs) / math.sqrt(both[0] * both[1])


def test_agreement_is_that_of_the_ranks_of_all_runs(place, ranked):
    eers = [[plain_result(exp, own, "eer") for exp in exps(place)] for own in DOMAINS.values()]
    assert ranked["eer"] == dict(zip(DOMAINS, map(pytest.approx, eers), strict=True))
    assert ranked["runs"] == [exp.name for exp in exps(place)]
    spearman, kendall = map(pytest.approx, plain_agreement(*eers))
    assert ranked["agreement"] == {"n": 6, "spearman": spearman, "kendall": kendall}
    x, y = [0.1, 0.2, 0.2, 0.4, 0.5], [0.3, 0.1, 0.2, 0.9, 0.9]
    spearman, kendall = map(pytest.approx, plain_agreement(x, y))
    assert spearman != kendall
    assert rank.agreement(x, y) == {"n": 5, "spearman": spearman, "kendall": kendall}
    nothing = {"n": 3, "spearman": None, "kendall": None}
    assert rank.agreement([1, 1, 1], [1, 2, 3]) == rank.agreement([1, 2, 3], [4, 4, 4])
    assert rank.agreement([1, 1, 1], [1, 2, 3]) == nothing
    assert rank.agreement([1, 2, 3], [1, 2, 3])["spearman"] == pytest.approx(1)
    assert rank.agreement([1, 2], [1, 2]) == {**nothing, "n": 2}
