"""Verdicts on claims follow from intervals and thresholds, for every kind of claim."""

import json

import numpy as np
import pytest
from claim_scores import EVAL, SEEDS, add, judged, make_place, pairs
from made_up import ROOT, worker

from antispoof.claims.listed import Row, verdict
from antispoof.claims.page import cells
from antispoof.claims.plan import experiment
from antispoof.claims.reading import read_claims
from antispoof.claims.scores import Scored

LIST = ROOT / "egs/mini/conf/claims.yaml"


@pytest.mark.parametrize(
    ("intervals", "holds", "wanted"),
    [
        ([(-3, -1)], {"below": 0}, "held"),
        ([(1, 3)], {"below": 0}, "not held"),
        ([(-3, 1)], {"below": 0}, "cannot tell"),
        ([(0, 3)], {"below": 0}, "not held"),  # an end at the threshold is not within
        ([(-3, 0)], {"below": 0}, "cannot tell"),
        ([(0.4, 0.9)], {"above": 0.3}, "held"),
        ([(-0.4, 0.2)], {"above": 0.3}, "not held"),
        ([(0.1, 0.9)], {"above": 0.3}, "cannot tell"),
        ([(-0.5, 0.7)], {"within": [-1, 1]}, "held"),
        ([(1.5, 2)], {"within": [-1, 1]}, "not held"),
        ([(-2, -1.5)], {"within": [-1, 1]}, "not held"),
        ([(0.5, 2)], {"within": [-1, 1]}, "cannot tell"),
        ([(-5, 5)], {"within": [-1, 1]}, "cannot tell"),
        ([(-3, -1), (-2, -1)], {"below": 0}, "held"),  # all have to hold
        ([(-3, -1), (-2, 1)], {"below": 0}, "cannot tell"),
        ([(-3, 1), (2, 4)], {"below": 0}, "not held"),  # and one is enough to refute
    ],
)
def test_a_verdict_is_a_function_of_intervals_and_threshold(intervals, holds, wanted):
    assert verdict(intervals, holds) == wanted


def test_a_saving_that_is_not_there_refutes_a_claim_whatever_the_interval_says():
    assert verdict([(-3, -1)], {"below": 0}, allowed=False) == "not held"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("claims"))


def test_differences_are_held_refuted_or_open(place):
    add(place, "good", 3.0)
    add(place, "bad", 1.5)
    add(place, "alike", 3.0, spread=0.1)
    for names, holds, wanted in (
        (["good", "bad"], {"below": 0}, "held"),
        (["bad", "good"], {"below": 0}, "not held"),
        (["alike", "good"], {"below": 0}, "cannot tell"),
        (["alike", "good"], {"within": [-4, 4]}, "held"),
        (["bad", "good"], {"within": [-4, 4]}, "not held"),
    ):
        row = judged(place, pairs("difference", names, holds=holds))
        assert (row.verdict, len(row.effects)) == (wanted, 1), row
        assert row.effects[0].what == f"{names[0]} − {names[1]}"
    row = judged(place, pairs("difference", ["good", "bad"], ["alike", "bad"], holds={"below": 0}))
    assert row.verdict == "held" and "2 pairs together" in row.ran
    alone = judged(place, pairs("difference", ["good", "bad"], holds={"below": 0})).effects[0]
    low, high = row.effects[0].interval
    assert low < alone.interval[0] < alone.value < alone.interval[1] < high
    assert (
        "24 speakers and 12 attacks and seeds" in row.ran and "good, bad, alike; 3 seeds" in row.ran
    )


def test_of_one_seed_the_luck_of_seeds_is_not_in_the_interval(place):
    claim = pairs("difference", ["bad", "good"], holds={"above": 0})
    one = judged(place, claim, scored=Scored(place, SEEDS[:1], {}, {}))
    assert "12 attacks; of one seed, whose luck is not in the interval" in one.ran
    assert "and seeds" not in one.ran


def test_what_rests_on_few_attacks_is_held_of_these_alone(place):
    add(place, "even", 2.0)
    add(place, "uneven", 2.0, close=1.5)  # worse on three attacks of twelve
    row = judged(place, pairs("difference", ["uneven", "even"], holds={"above": 0}))
    assert (row.verdict, row.verdict_here) == ("cannot tell", "held")
    (own,) = row.effects
    assert own.interval[0] < 0 < own.here[0] < own.value < own.here[1] < own.interval[1]
    texts = cells(row)
    assert f", of these attacks alone [{own.here[0]:+.2f}, {own.here[1]:+.2f}]; could" in texts[3]
    assert texts[4].endswith("(above +0)<br>of these attacks alone: **held**")
    mean = judged(place, pairs("contrast", ["uneven", "even"], holds={"above": 0}))
    assert (mean.verdict, mean.verdict_here) == ("cannot tell", "held")
    assert Row(row.claim, row.effects, lacks="all").verdict_here == ""


def test_the_seeds_of_a_switch_are_the_same_models(place):
    add(place, "whole", 2.5, spread=0.3)
    add(place, "switch", 2.4, spread=0.3)
    claim = pairs("difference", ["switch", "whole"], holds={"below": 1})
    apart = judged(place, claim).effects[0].interval
    paired = judged(place, claim, {"switch": "whole"}).effects[0].interval
    assert np.ptp(paired) < 0.8 * np.ptp(apart)


def test_seeds_of_one_training_whose_epoch_is_chosen_otherwise_are_paired(place):
    add(place, "last", 2.5, spread=0.3)
    add(place, "best", 2.4, spread=0.3)
    claim = pairs("difference", ["best", "last"], holds={"below": 1})
    apart = judged(place, claim)
    curves = [
        place / experiment(name, seed) / "curve.csv" for name in ("last", "best") for seed in SEEDS
    ]
    for path in curves:
        path.write_text(f"epoch,dev_loss\n1,0.{path.parent.name[-1]}\n")
    paired = judged(place, claim)
    assert np.ptp(paired.effects[0].interval) < 0.8 * np.ptp(apart.effects[0].interval)
    assert "; seeds of one training are paired" in paired.ran
    assert "paired" not in apart.ran
    curves[-1].write_text("epoch,dev_loss\n1,0.75\n")  # one seed is another training
    assert judged(place, claim).effects[0].interval == apart.effects[0].interval
    curves[-1].write_bytes(curves[len(SEEDS) - 1].read_bytes())
    fewer = Scored(place, SEEDS, {}, {"best": SEEDS[:2]})
    assert "paired" not in judged(place, claim, scored=fewer).ran


def test_a_row_names_the_commits_that_its_models_were_trained_at(place):
    add(place, "good", 3.0)
    add(place, "bad", 1.5)
    claim = pairs("difference", ["good", "bad"], holds={"below": 0})
    assert judged(place, claim).ran.endswith("; trained at no commit known")
    for seed, commit in zip(SEEDS, ("beef", "cafe", "beef"), strict=True):
        (place / experiment("bad", seed) / "env.txt").write_text(f"commit: {commit}\nos: x\n")
    assert judged(place, claim).ran.endswith("; models of 2 commits; trained at beef and cafe")
    switch = pairs("difference", ["good", "bad"], holds={"below": 0})
    assert judged(place, switch, {"good": "bad"}).ran.endswith("; trained at beef and cafe")


def test_contrasts_and_trends(place):
    for k in range(1, 6):
        add(place, f"rising_{k}", 1.0 + 0.4 * k)
        add(place, f"flat_{k}", 2.0, spread=0.02 * k)
    names = [[f"rising_{k}", "flat_1"] for k in (4, 5)]
    assert judged(place, pairs("contrast", *names, holds={"below": 0})).verdict == "held"
    assert judged(place, pairs("contrast", *names, holds={"above": 0})).verdict == "not held"
    for name, wanted in (("rising", "held"), ("flat", "cannot tell")):
        over = [f"{name}_{k}" for k in range(1, 6)]
        claim = {"kind": "trend", "over": over, "at": [1, 2, 3, 4, 5], "on": EVAL}
        row = judged(place, {**claim, "holds": {"below": 0}})
        assert row.verdict == wanted
        rates = [Scored(place, SEEDS, {}).mean(one, EVAL) for one in over]
        assert row.effects[0].value == pytest.approx(np.polyfit(range(1, 6), rates, 1)[0])
    back = {**claim, "over": [f"rising_{k}" for k in (5, 4, 3, 2, 1)], "holds": {"below": 0}}
    assert judged(place, back).verdict == "not held"


def test_a_saving_needs_both_the_score_and_the_cost(place):
    add(place, "lite", 3.0)
    add(place, "full", 2.9)
    claim = {**pairs("saving", ["lite", "full"], holds={"below": 3}), "saving": 0.7}
    assert judged(place, claim).verdict == "not run"
    for name, macs in (("lite", 25), ("full", 100)):
        add_cost(place, name, macs)
    row = judged(place, claim)
    assert row.verdict == "held"
    assert "saves 75.0% of the back end's MACs (wanted 70%: held), 75.0% of its" in row.note
    row = judged(place, {**claim, "saving": 0.8})
    assert row.verdict == "not held" and "(wanted 80%: not held)" in row.note


def test_a_saving_is_that_of_the_back_end_and_not_of_the_front_end_that_both_have(place):
    add(place, "lite_back", 3.0)
    add(place, "full_back", 2.9)
    for name, macs in (("lite_back", 127), ("full_back", 710)):
        add_cost(place, name, macs, front=7744)
    claim = {**pairs("saving", ["lite_back", "full_back"], holds={"below": 3}), "saving": 0.7}
    row = judged(place, claim)
    assert row.verdict == "held"
    assert "saves 82.1% of the back end's MACs" in row.note
    assert "6.9% of the whole detector's MACs" in row.note


def add_cost(place, name, macs, front=0):
    """cost.json of a detector whose back end has these MACs."""
    sizes = {"parameters": macs, "trainable": macs}
    modules = [{"name": "back_end.body", "macs": macs, **sizes}]
    if front:
        modules.append({"name": "upstream", "macs": front, "parameters": front})
    whole = {"macs": macs + front, "parameters": macs + front, "modules": modules}
    (place / experiment(name, 1) / "cost.json").write_text(json.dumps(whole))


def test_what_was_not_run_is_said_with_what_lacks(place):
    add(place, "good", 3.0)
    row = judged(place, pairs("difference", ["good", "nobody"], holds={"below": 0}))
    assert row.verdict == "not run"
    assert row.lacks == "3 files lack, among them exp/nobody_seed1/eval/scores"
    assert judged(place, {"kind": "none"}).verdict == "not run"


def test_the_page_has_a_row_for_every_claim_and_calls_on_none_by_hand(place):
    add(place, "mel_vit_mini", 1.2)
    add(place, "mel_cnn_mini", 3.0)
    (place / "data/eval/trials").mkdir(exist_ok=True)
    ids = [f"b{n:03d}" for n in range(240)] + [f"s{n:03d}" for n in range(120)]
    (place / "data/eval/trials/unknown").write_text("".join(f"{utt}\n" for utt in ids))
    options = ("--config", LIST, "--seeds", "1 2 3", "--claims", "vit_is_worse")
    status, out, error = worker("steps/claims.py", *options, "--out", "page.md", cwd=place)
    assert status == 0, error
    assert "vit_is_worse: not held; mel_vit_mini − mel_cnn_mini: +19" in out
    page, found = (place / "page.md").read_text(), json.loads((place / "page.json").read_text())
    assert page.count("\n| ") == 2 + len(read_claims(LIST)["claims"])
    assert page.count("**not run**") == sum(own["verdict"] == "not run" for own in found) > 15
    assert "**not held** (within +5 to +15)" in page and "1 not held, 0 cannot tell" in page
    assert worker("steps/claims.py", *options, "--out", "again.md", cwd=place)[0] == 0
    assert (place / "again.md").read_text() == page
    assert "models trained at no commit known, page written at" in page
    assert "Each row is at 95 % by itself" in page
    texts = [own["claim"] for own in read_claims(LIST)["claims"]]
    assert [own["claim"] for own in found] == texts  # as the report shows them
    effects = [own["text"] for row in found for own in row["effects"]]
    assert effects and all(text in page for text in effects)
    (place / "half.json").mkdir()
    status, _, error = worker("steps/claims.py", *options, "--out", "half.md", cwd=place)
    assert status == 1 and error.count("\n") == 1
    assert not (place / "half.md").exists()  # the page alone would be half of it
