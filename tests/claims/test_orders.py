"""Verdicts on claims of orders: rank correlations, flags, and how firm a choice is."""

import json

import pytest
from claim_scores import EVAL, SEEDS, add, judged, make_place

from antispoof.claims.plan import experiment
from antispoof.errors import UserError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("claims"))


def test_rank_correlations_over_systems_and_experiments(place):
    names = [f"model_{n}" for n in range(12)]
    for n, name in enumerate(names):
        add(place, name, 1.0 + 0.15 * n, 3.0 - 0.15 * n)
        for seed in SEEDS:
            path = place / experiment(name, seed) / "diagnostics.json"
            path.write_text(json.dumps({"hessian": {"mean": n + 0.1 * seed}, "ece": (n * 5) % 12}))
    claim = {"kind": "correlation", "over": names, "first": EVAL, "second": {"set": "dev"}}
    row = judged(place, {**claim, "holds": {"below": 0}})
    assert (row.verdict, row.effects[0].value) == ("held", pytest.approx(-1))
    assert "over 12 systems" in row.ran
    assert judged(place, {**claim, "holds": {"above": 0.3}}).verdict == "not held"
    few = {**claim, "over": names[:4], "holds": {"below": 0}}
    assert judged(place, few).verdict == "cannot tell"
    own = {"kind": "diagnostic", "over": names, "second": EVAL, "holds": {"within": [-0.3, 0.3]}}
    row = judged(place, {**own, "diagnostic": "hessian"})
    assert row.verdict == "not held" and "over 36 experiments" in row.ran
    assert judged(place, {**own, "diagnostic": "ece"}).verdict == "cannot tell"
    with pytest.raises(UserError, match="lacks 'flatness'"):
        judged(place, {**own, "diagnostic": "flatness"})


def test_systems_without_errors_on_held_out_data_are_set_against_the_others(place):
    for n in range(8):
        add(place, f"flag_{n}", 6.5 if n < 4 else 2.0, (1.0 if n < 4 else 2.5) + 0.05 * n)
    claim = {"kind": "flag", "over": [f"flag_{n}" for n in range(8)], "below": 1}
    claim |= {"first": EVAL, "second": {"set": "dev"}, "holds": {"above": 0}}
    row = judged(place, claim)
    assert (row.verdict, row.note) == ("held", "4 of 8 systems are below 1 %")
    swapped = {**claim, "holds": {"below": 0}}
    assert judged(place, swapped).verdict == "not held"
    row = judged(place, {**claim, "below": 0.0})
    assert (row.verdict, row.note) == ("cannot tell", "0 of 8 systems are below 0 %")


def test_a_choice_is_firm_where_it_leads_under_most_weights(place):
    add(place, "first", 3.0)
    claim = {"kind": "firm", "over": ["first"], "holds": {"above": 0.95}}
    path = place / "exp/claims/rank.json"
    for share, wanted in (
        (0.99, "held"),
        (0.5, "not held"),
        (0.955, "cannot tell"),
        (1, "held"),
    ):
        systems = {"first": {"score": 0.7, "first": share}, "b": {"score": 1.0, "first": 1 - share}}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"tracks": {"with_cost": systems}, "config": {"draws": 2000}}))
        assert judged(place, claim).verdict == wanted
