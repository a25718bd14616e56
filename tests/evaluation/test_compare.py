"""steps/compare.py: paired differences, their intervals, and the sentence that they allow."""

import json

import numpy as np
import pytest
from made_up import make_experiments, refused, worker

from antispoof import metrics
from antispoof.evaluation.compare import compare, sentence
from antispoof.evaluation.scores import join
from antispoof.metrics.bootstrap import intervals

PROGRAM = "steps/compare.py"


def classes(rng, gap, noise=0.5, hardness=None):
    """Scores of 300 bona fide and 400 spoof trials that share their hardness between systems."""
    parts = []
    for sign, own in zip((1, -1), hardness, strict=True):
        parts.append(sign * gap / 2 + own + rng.normal(0, noise, own.size))
    return (tuple(parts), tuple(parts))


@pytest.fixture
def hardness():
    rng = np.random.default_rng(5)
    return rng.normal(0, 1, 300), rng.normal(0, 1, 400)


def test_a_system_against_itself_is_no_difference(hardness):
    own = classes(np.random.default_rng(0), 2, hardness=hardness)
    found = compare([own], [own], {"iid": None}, replicates=40)
    for metric, judged in found.items():
        assert judged["difference"] == 0
        assert judged["trials"]["iid"] == {"interval": [0, 0], "p": 1}
        assert "equal here" in sentence("ab", metric, judged)


def test_swapped_systems_swap_the_sign(hardness):
    rng = np.random.default_rng(1)
    a, b = (classes(rng, gap, hardness=hardness) for gap in (2.6, 2))
    one = compare([a], [b], {"iid": None}, replicates=60)
    two = compare([b], [a], {"iid": None}, replicates=60)
    for metric in one:
        assert one[metric]["difference"] == -two[metric]["difference"]
        low, high = one[metric]["trials"]["iid"]["interval"]
        assert [-high, -low] == pytest.approx(two[metric]["trials"]["iid"]["interval"])
        assert one[metric]["trials"]["iid"]["p"] == two[metric]["trials"]["iid"]["p"]
        assert sentence("ab", metric, one[metric]) == sentence("ba", metric, two[metric])


def test_pairs_tell_more_than_two_intervals(hardness):
    rng = np.random.default_rng(2)
    a, b = (classes(rng, gap, noise=0.05, hardness=hardness) for gap in (2.15, 2))
    paired = compare([a], [b], {"iid": None}, metrics=["eer"], replicates=300)["eer"]
    low, high = paired["trials"]["iid"]["interval"]
    alone = intervals(*a[0], replicates=300)["eer"]
    assert high - low < 0.7 * (alone[1] - alone[0])
    assert high < 0
    assert paired["trials"]["iid"]["p"] < 0.05


def test_replicates_are_metrics_of_the_same_trials_drawn(hardness):
    """One speaker of each class is drawn whole every time: the difference never moves."""
    rng = np.random.default_rng(3)
    a, b = (classes(rng, gap, hardness=hardness) for gap in (2.4, 2))
    groups = [np.zeros(300, int), np.ones(400, int)]
    found = compare([a], [b], {"speaker": groups}, replicates=7)
    for metric, own in found.items():
        wanted = getattr(metrics, metric)(*a[0]) - getattr(metrics, metric)(*b[0])
        assert own["difference"] == pytest.approx(wanted)
        assert own["trials"]["speaker"]["interval"] == pytest.approx([wanted, wanted])


def test_seeds_drawn_anew_widen_the_interval(hardness):
    rng = np.random.default_rng(4)
    a = [classes(rng, gap, noise=0.1, hardness=hardness) for gap in (1.6, 2.2, 2.9)]
    b = [classes(rng, gap, noise=0.1, hardness=hardness) for gap in (1.5, 2.1, 2.6)]
    own = compare(a, b, {"iid": None}, metrics=["eer"], replicates=300)["eer"]
    assert own["difference"] == pytest.approx(np.mean(own["first"]) - np.mean(own["second"]))
    widths = [np.ptp(own[key]["iid"]["interval"]) for key in ("trials", "mixed")]
    assert widths[1] > 2 * widths[0]
    assert "other trials with other seeds might still turn it round" in sentence("ab", "eer", own)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_experiments(tmp_path_factory.mktemp("compare"), seeds=(1, 2, 3))


def run(place, *arguments):
    status, out, error = worker(PROGRAM, *arguments, "--bootstrap", 60, cwd=place)
    assert (status, error) == (0, "")
    return out


def test_worker_says_it_in_lines_and_in_json(place):
    out = run(place, "exp/one_seed1", "exp/two_seed1", "eval", "--out", "c.json")
    assert out.startswith("one_seed1 - two_seed1 on eval (all: 60 bona fide and 100 spoof trials)")
    assert "over speakers" in out
    assert "4 attacks" in out
    found = json.loads((place / "c.json").read_text())
    for index, system in enumerate(("one", "two")):
        trials = join(place / "data/eval", place / f"exp/{system}_seed1/eval/scores")
        key = ("first", "second")[index]
        assert found["metrics"]["eer"][key] == [metrics.eer(*trials.split())]
    assert set(found["metrics"]["eer"]["trials"]) == {"iid", "speaker", "attack", "crossed"}
    assert all(line in out for line in found["sentences"])
    assert found["units"]["speaker"] == "6 bona fide and 24 spoof speakers"


def test_worker_over_seeds_and_a_list(place):
    command = ("exp/one", "exp/two", "eval", "--seeds", "1 2 3", "--trials", "known")
    out = run(place, *command, "--metric", "eer,cllr", "--out", "d.json")
    assert "(known: 60 bona fide and 50 spoof trials, 3 seeds)" in out
    assert "over speakers and seeds" in out
    found = json.loads((place / "d.json").read_text())
    assert len(found["metrics"]["cllr"]["first"]) == 3
    assert found["llr_given"] is False
    assert run(place, *command, "--metric", "eer,cllr") == out


def test_refusals(place):
    pair = ("exp/one_seed1", "exp/two_seed1")
    for arguments, words in (
        ((*pair, "eval", "--metric", "f1"), "found 'f1', wanted some of eer"),
        ((*pair, "eval", "--bootstrap", "0"), "wanted 1 or more"),
        ((*pair, "progress"), "progress"),
        ((pair[0], "exp/three", "eval"), "exp/three/eval/scores: no such file"),
        ((*pair, "eval", "--seeds", "1"), "exp/one_seed1_seed1/eval/scores: no such file"),
    ):
        assert words in refused(PROGRAM, *arguments, cwd=place)


def test_the_level_of_the_intervals_is_an_option(tmp_path):
    place = make_experiments(tmp_path)
    pair = ("exp/one_seed1", "exp/two_seed1", "eval", "--bootstrap", "200", "--metric", "eer")
    found = {}
    for level in ("0.5", "0.95"):
        command = (*pair, "--level", level, "--out", f"{level}.json")
        status, out, error = worker(PROGRAM, *command, cwd=place)
        assert status == 0, error
        found[level] = json.loads((place / f"{level}.json").read_text())
        assert found[level]["bootstrap"]["level"] == float(level)
        assert f"would bring at {100 * float(level):g} %" in out + str(found[level]["sentences"])
    widths = [np.ptp(own["metrics"]["eer"]["trials"]["iid"]["interval"]) for own in found.values()]
    assert 0 < widths[0] < 0.6 * widths[1]
    for level in ("0", "1", "nan"):
        assert "--level: found" in refused(PROGRAM, *pair, "--level", level, cwd=place)


def test_a_seed_that_is_given_twice_does_not_count_twice(place):
    command = ("exp/one", "exp/two", "eval", "--seeds", "1 2 1")
    assert "--seeds: found '1 2 1', wanted each seed once" in refused(PROGRAM, *command, cwd=place)


def test_every_list_of_a_set_is_compared_at_once_as_it_is_by_itself(tmp_path):
    place, alone = make_experiments(tmp_path), {}
    pair = ("exp/one", "exp/two", "--seeds", "1", "--bootstrap", "20")
    for name in ("all", "known", "unknown"):
        out = ("--trials", name, "--out", "alone.json")
        assert worker(PROGRAM, *pair, "eval", *out, cwd=place)[0] == 0
        alone[name] = (place / "alone.json").read_bytes()
    every = ("data/eval", "--every-list", "--out", "compare/eval/one.json")
    status, out, error = worker(PROGRAM, *pair, *every, cwd=place)
    assert (status, error, out.count("one - two on eval (")) == (0, "", 3)
    found = {p.parent.name: p.read_bytes() for p in place.glob("compare/*/one.json")}
    assert found == {
        "eval": alone["all"],
        "eval_known": alone["known"],
        "eval_unknown": alone["unknown"],
    }
    line = refused(PROGRAM, *pair, "eval", "--every-list", cwd=place)
    assert "--every-list: found --trials, or no --out; wanted --out alone" in line
