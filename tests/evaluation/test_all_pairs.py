"""Several systems at once: all pairs, intervals that hold together, and places left open."""

import itertools
import json
import shutil

import pytest
from made_up import make_experiments, refused, worker

from antispoof.data.tables import write_table
from antispoof.evaluation.all_pairs import places, sentence
from antispoof.evaluation.scores import read_labels, read_scores

EXPS = ("exp/one", "exp/two", "exp/three")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Systems one, two, and three, which is two with bona fide trials raised far."""
    place = make_experiments(tmp_path_factory.mktemp("all_pairs"), seeds=(1, 2))
    for seed in (1, 2):
        shutil.copytree(place / f"exp/two_seed{seed}", place / f"exp/three_seed{seed}")
        path = place / f"exp/three_seed{seed}/eval/scores"
        labels = read_labels(place / "data/eval")
        raised = {
            utt: str(score + 9 * (labels[utt] and not utt.endswith("7")))
            for utt, score in read_scores(path).items()
        }
        write_table(path, raised)
    return place


def run(program, place, *arguments):
    status, out, error = worker(program, *arguments, cwd=place)
    assert (status, error) == (0, "")
    return out


def test_three_systems_are_compared_in_all_pairs_and_it_is_said_how_many_hold(place):
    options = ("--seeds", "1 2", "--metric", "eer,cllr", "--out", "c/all.json", "--every-list")
    out = run("steps/compare.py", place, *EXPS, "eval", *options)
    found = json.loads((place / "c/all.json").read_text())
    assert found["systems"] == ["one", "two", "three"]
    assert found["over"].endswith("and seeds")
    for metric in ("eer", "cllr"):
        every = found["metrics"][metric]
        names = [(own["first"], own["second"]) for own in every]
        assert names == list(itertools.combinations(found["systems"], 2))
        for own in every:
            alone, wide = own["alone"]["interval"], own["together"]["interval"]
            assert wide[0] < alone[0] < own["difference"] < alone[1] < wide[1]
            assert own["alone"]["p"] <= own["together"]["p"]
    assert "hold for all 3 pairs of 3 systems at once" in out
    assert all(line in out for line in found["sentences"])
    assert json.loads((place / "c_known/all.json").read_text())["trials"] == "known"


def test_a_pair_of_them_is_the_same_as_by_itself(place):
    run("steps/compare.py", place, *EXPS, "eval", "--metric", "eer", "--seeds", "1 2", "--out", "x")
    pair = ("exp/one", "exp/three", "eval", "--metric", "eer", "--seeds", "1 2")
    run("steps/compare.py", place, *pair, "--bootstrap", "2", "--out", "y")
    own = json.loads((place / "x").read_text())["metrics"]["eer"][1]
    wanted = json.loads((place / "y").read_text())["metrics"]["eer"]
    assert own["difference"] == pytest.approx(wanted["difference"])
    crossed = wanted["mixed"]["crossed"]
    assert own["alone"]["interval"] == pytest.approx(crossed["interval"])
    assert own["alone"]["p"] == pytest.approx(crossed["p"])


def test_the_order_of_systems_says_which_places_are_open(place):
    exps = [f"{exp}_seed{seed}" for exp in EXPS for seed in (1, 2)]
    for exp in exps:
        for trials, folder in (("all", "eval"), ("known", "eval_known")):
            out = f"{exp}/{folder}/result.json"
            options = ("--trials", trials, "--bootstrap", "2")
            run("steps/evaluate.py", place, "data/eval", f"{exp}/eval/scores", out, *options)
        (place / exp / "cost.json").write_text('{"macs": 1, "parameters": 2, "latency": 3}')
    (place / "conf").mkdir(exist_ok=True)
    (place / "conf/rank.yaml").write_text("in_domain: [eval_known]\nout_of_domain: [eval]\n")
    out = run("steps/rank.py", place, "--data", "data", "--out", "rank.json", *exps)
    assert "intervals leave open which hold for all 3 pairs together" in out
    found = json.loads((place / "rank.json").read_text())["pairs"]
    assert [own["results"] for own in found] == ["eval_known", "eval"]
    for own in found:
        assert own["sentences"][0] in out
    page = "--rank", "rank.json", "--out", "page.html", *exps
    run("steps/report.py", place, *page)
    text = (place / "page.html").read_text("utf-8")
    assert "hold for all 3 pairs together" in text
    assert "All pairs of systems, with intervals that hold together" in text
    assert text.count("hold for all 3 pairs of 3 systems at once") == 2  # known, and all trials


def made(pairs):
    """What is found of pairs {(first, second): interval}."""
    every = [
        {"first": a, "second": b, "difference": sum(ends) / 2, "together": {"interval": ends}}
        for (a, b), ends in pairs.items()
    ]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    drawn = {"level": 0.9, "draws": 5000, "seed": 3}
    return {"systems": names, "over": "speakers", "together": drawn, "metrics": {"eer": every}}


def test_places_and_words_follow_from_the_intervals_together():
    found = made({("a", "b"): (-0.2, -0.1), ("a", "c"): (-0.1, 0.1), ("b", "c"): (0.02, 0.3)})
    assert places(found) == {"a": (1, 2), "b": (3, 3), "c": (1, 2)}
    said = sentence(found, "eer")
    assert (
        "at 90 %" in said and "all 3 pairs of 3 systems" in said and "5,000 draws, seed 3" in said
    )
    assert said.endswith(
        "2 of the pairs differ beyond that: a is better than b, c is better than b."
    )
    open_ = made({("a", "b"): (-0.2, 0.1), ("a", "c"): (-0.1, 0.1), ("b", "c"): (-0.02, 0.3)})
    assert places(open_) == dict.fromkeys("abc", (1, 3))
    assert sentence(open_, "eer").endswith("No pair differs beyond that.")


def test_refusals(place):
    for arguments, words in (
        ((*EXPS, EXPS[0], "eval", "--seeds", "1"), "wanted two EXP, or more, each once"),
        ((EXPS[0], "eval"), "wanted two EXP, or more, each once"),
        ((*EXPS, "eval", "--seeds", "1", "--draws", "10"), "found 10, wanted 1000 or more"),
    ):
        assert words in refused("steps/compare.py", *arguments, cwd=place)
