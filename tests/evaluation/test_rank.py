"""steps/rank.py: the selection score, its parts, and how firm the order is."""

import json

import numpy as np
import pytest
from made_up import ROOT, refused, worker

from antispoof.evaluation import rank as ranking

PROGRAM = "steps/rank.py"
COST = {"macs": 1e6, "parameters": 1000, "latency": 2.0}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def result(eer):
    pooled = {"eer": eer, "min_dcf": 2 * eer, "act_dcf": 3 * eer, "cllr": 2.5 * eer, "ece": eer / 2}
    return {"pooled": pooled, "classification": {"accuracy": 1 - eer}}


@pytest.fixture
def place(tmp_path):
    """`good` halves every error of `base` at four times its cost; two seeds; and their fusion."""
    for system, factor, size in (("base", 1, 1), ("good", 0.5, 4)):
        for seed, luck in ((1, 0.9), (2, 1.1)):
            exp = tmp_path / "exp" / f"{system}_seed{seed}"
            write(exp / "eval_known/result.json", result(0.1 * factor * luck))
            write(exp / "eval_unknown/result.json", result(0.2 * factor * luck))
            write(exp / "cost.json", {key: size * value for key, value in COST.items()})
    (tmp_path / "conf").mkdir()
    domains = "in_domain: [eval_known]\nout_of_domain: [eval_unknown]\n"
    (tmp_path / "conf/rank.yaml").write_text(domains)
    for seed in (1, 2):
        exp = tmp_path / "exp" / f"fusion_seed{seed}"
        write(exp / "fusion.json", {"systems": [f"base_seed{seed}", f"good_seed{seed}"]})
        write(exp / "eval_known/result.json", result(0.05))
        write(exp / "eval_unknown/result.json", result(0.1))
    return tmp_path


def rank(place, *options):
    exps = sorted(str(path.relative_to(place)) for path in (place / "exp").iterdir())
    options = ("--out", "rank.json", *options)
    status, out, error = worker(PROGRAM, *options, *exps, cwd=place)
    assert (status, error) == (0, "")
    return out, json.loads((place / "rank.json").read_text())


def test_score_by_hand(place):
    out, found = rank(place)
    assert found["baseline"] == "base"
    for track in found["tracks"].values():
        assert track["base"]["score"] == pytest.approx(1)
    # every error is halved: 1/2 without cost; with 0.3 of the weight on a fourfold cost,
    # 0.5^0.7 * 4^0.3
    assert found["tracks"]["without_cost"]["good"]["score"] == pytest.approx(0.5)
    wanted = 0.5**0.7 * 4**0.3
    assert found["tracks"]["with_cost"]["good"]["score"] == pytest.approx(wanted)
    assert found["tracks"]["with_cost"]["good"]["cost"] == pytest.approx(4)
    assert found["tracks"]["with_cost"]["fusion"]["cost"] == pytest.approx(5)  # of both together
    assert found["parts"]["good"]["eer out_of_domain"] == pytest.approx(0.1)  # mean of two seeds
    assert "Selection score with cost, ratio to base" in out
    lines = [line.split() for line in out.splitlines() if line.startswith("good ")]
    assert lines[0][1:4] == ["4,000", "0.02", "4"]  # parameters, MB, millions of MACs


def test_order_does_not_depend_on_the_baseline(place):
    _, first = rank(place)
    _, second = rank(place, "--override", "baseline=good")
    for track in first["tracks"]:
        orders = [
            sorted(found["tracks"][track], key=lambda n: found["tracks"][track][n]["score"])
            for found in (first, second)
        ]
        assert orders[0] == orders[1]


def test_other_weights_move_the_order_only_where_it_can(place):
    _, found = rank(place)
    alone = found["tracks"]["without_cost"]
    assert alone["base"]["best"] == alone["base"]["worst"] == 3  # worst in every part
    both = found["tracks"]["with_cost"]
    assert both["base"]["best"] == 1  # the cheapest
    assert both["base"]["worst"] == 3
    assert sum(own["first"] for own in both.values()) == pytest.approx(1)


def test_agreement_of_held_out_and_out_of_domain(place):
    out, found = rank(place, "--markdown")
    assert found["agreement"] == {"n": 6, "spearman": pytest.approx(1), "kendall": pytest.approx(1)}
    assert found["eer"]["in_domain"][found["runs"].index("good_seed2")] == pytest.approx(0.055)
    assert "over 6 experiments: Spearman +1.000" in out
    assert "| system | score |" in out
    assert ranking.agreement([1, 2], [2, 1])["spearman"] is None
    assert ranking.agreement([1, 2, 3], [3, 2, 1])["kendall"] == pytest.approx(-1)


def test_values_below_the_floor_are_alike():
    systems = {"a": {"eer in_domain": 0.0}, "b": {"eer in_domain": 0.0005}}
    got = ranking.ratios(systems, "a", {"eer": 0.001})
    assert got == {"a": {"eer in_domain": 1.0}, "b": {"eer in_domain": 1.0}}


def test_weights_sum_to_one():
    config = ranking.load_ranking(ROOT / "egs/mini/conf/rank.yaml")
    for groups in config["tracks"].values():
        assert sum(ranking.weights_of(config, groups).values()) == pytest.approx(1)
    rng = np.random.default_rng(0)
    own = {part: rng.random() for part in ranking.weights_of(config, {"cost": 1.0})}
    assert min(own.values()) <= ranking.score(own, ranking.weights_of(config, {"cost": 1.0}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--override", "baseline=other"), "found 'other', wanted one of base"),
        (("--override", "accuracy.eer=-1"), "'accuracy' needs weights from 0"),
        (("--override", "accuracy.f1=1"), "unknown key 'accuracy.f1'"),
        (("--override", "in_domain=[progress]"), "progress/result.json: no such file; evaluate"),
        (("--override", "out_of_domain_share=2"), "in 0 to 1"),
        (("--override", "in_domain=[]"), "'in_domain' names no results; say which folders"),
    ],
)
def test_refusals(place, options, words):
    assert words in refused(PROGRAM, *options, "exp/base_seed1", "exp/good_seed1", cwd=place)


def test_what_is_missing_is_told_with_what_makes_it(place):
    (place / "exp/base_seed1/cost.json").unlink()
    _, found = rank(place)  # with another seed it was measured
    assert found["parts"]["base"]["parameters"] == COST["parameters"]
    (place / "exp/base_seed2/cost.json").unlink()
    line = refused(PROGRAM, "exp/base_seed1", cwd=place)
    assert "run steps/describe_model.py --exp exp/base_seed1" in line
    write(place / "exp/base_seed2/cost.json", COST)
    old = result(0.1)
    del old["classification"]
    write(place / "exp/base_seed2/eval_known/result.json", old)
    assert "of an older version" in refused(PROGRAM, "exp/base_seed2", cwd=place)


def test_an_experiment_that_is_given_twice_does_not_count_twice(place):
    command = ("exp/base_seed1", "exp/good_seed1", "exp/../exp/base_seed1")
    assert "'base_seed1' a second time" in refused(PROGRAM, *command, cwd=place)
