"""Verdicts on claims of orders: rank correlations, diagnostics, flags, and how firm a choice is."""

import json

import numpy as np
import pytest
from claim_scores import EVAL, SEEDS, add, judged, make_place

from antispoof.claims.plan import experiment
from antispoof.claims.scores import Scored
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.evaluate import evaluate

RANK = "in_domain: [dev]\nout_of_domain: [eval]\ndraws: 300\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("claims"))


def add_diagnostics(place, name, record):
    for seed in SEEDS:
        own = {key: value(seed) for key, value in record.items()}
        (place / experiment(name, seed) / "diagnostics.json").write_text(json.dumps(own))


def test_rank_correlations_over_systems_and_experiments(place):
    names = [f"model_{n}" for n in range(12)]
    for n, name in enumerate(names):
        add(place, name, 1.0 + 0.15 * n, 3.0 - 0.15 * n)
        own = {
            "hessian": lambda seed, n=n: {"mean": n + 0.1 * seed},
            "ece": lambda _, n=n: n * 5 % 12,
            "loss_gap": lambda _: None,
        }
        add_diagnostics(place, name, own)
    claim = {"kind": "correlation", "over": names, "first": EVAL, "second": {"set": "dev"}}
    row = judged(place, {**claim, "holds": {"below": 0}})
    assert (row.verdict, row.effects[0].value) == ("held", pytest.approx(-1))
    assert "over 12 systems" in row.ran
    assert judged(place, {**claim, "holds": {"above": 0.3}}).verdict == "not held"
    few = {**claim, "over": names[:4], "holds": {"below": 0}}
    assert judged(place, few).verdict == "cannot tell"
    own = {"kind": "diagnostic", "over": names, "second": EVAL, "holds": {"within": [-0.3, 0.3]}}
    row = judged(place, {**own, "diagnostic": "hessian"})
    assert row.verdict == "not held" and "over 12 systems" in row.ran
    assert judged(place, {**own, "diagnostic": "ece"}).verdict == "cannot tell"
    with pytest.raises(UserError, match="lacks 'flatness'"):
        judged(place, {**own, "diagnostic": "flatness"})
    with pytest.raises(UserError, match="json: 'loss_gap' has no value; leave model_0 out"):
        judged(place, {**own, "diagnostic": "loss_gap"})


def test_seeds_of_one_design_are_no_experiments_of_their_own(place):
    names, rng = [f"seeded_{n}" for n in range(8)], np.random.default_rng(3)
    for name, value in zip(names, rng.permutation(8), strict=True):
        add(place, name, 1.0 + 0.2 * names.index(name))
        add_diagnostics(place, name, {"relative": lambda seed, v=float(value): {"mean": v + seed}})
    claim = {"kind": "diagnostic", "over": names, "diagnostic": "relative", "second": EVAL}
    row = judged(place, {**claim, "holds": {"within": [-0.3, 0.3]}})
    assert row.verdict == "cannot tell" and np.ptp(row.effects[0].interval) > 1.1  # of eight
    alone = Scored(place, SEEDS, {}, diagnosed=[2])
    one = judged(place, {**claim, "holds": {"above": 0}}, scored=alone)
    assert "diagnostics of seed 2;" in one.ran


def test_the_error_of_a_diagnostic_is_part_of_its_interval(place):
    names = [f"unsure_{n}" for n in range(12)]
    for n, name in enumerate(names):
        add(place, name, 1.0 + 0.15 * n)
        own = {key: lambda _, n=n, e=e: {"mean": float(n), "error": e} for key, e in ERRORS.items()}
        add_diagnostics(place, name, own)
    claim = {"kind": "diagnostic", "over": names, "second": EVAL, "holds": {"below": 0}}
    sure, unsure = (judged(place, {**claim, "diagnostic": key}) for key in ERRORS)
    assert sure.verdict == "held" and unsure.verdict == "cannot tell"
    assert sure.effects[0].value == unsure.effects[0].value == pytest.approx(-1)
    both = judged(place, {**claim, "diagnostic": "relative", "also": "hessian"})
    assert both.verdict == "held" and both.note.startswith("hessian: -1.00 [-1.00, ")
    assert "no measure between designs: docs/diagnostics.md" in both.note


ERRORS = {"relative": 0.01, "hessian": 20.0}


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
    assert (row.verdict, row.note) == ("not run", "0 of 8 systems are below 0 %")
    assert "its condition does not occur here" in row.lacks


def test_groups_without_any_spread_tell_nothing(place):
    for n in range(6):
        add(place, f"equal_{n}", 6.5 if n < 3 else 2.0, 1.0 if n < 3 else 2.5)
    claim = {"kind": "flag", "over": [f"equal_{n}" for n in range(6)], "below": 1}
    claim |= {"first": EVAL, "second": {"set": "dev"}, "holds": {"above": 0}}
    row = judged(place, claim)
    assert row.verdict == "cannot tell" and "within each group all are the same" in row.note


def add_results(place, name, gap, macs, other=None, spread=0.02):
    """Scores, LLRs, results and a cost of an experiment of each seed."""
    add(place, name, gap, other, spread=spread)
    scored = Scored(place, SEEDS, {})
    for part in ("eval", "dev"):
        for path in scored.paths(name, {"set": part}):
            table = read_table(path)
            write_table(
                path.parent / "llr/scores", {u: str(2 * float(s) - 3) for u, s in table.items()}
            )
            trials = scored.trials(path, {"set": part})
            result = evaluate(trials, 2 * trials.scores - 3, replicates=0)
            record = {**result, "set": part, "trials": None}
            (path.parent / "result.json").write_text(json.dumps(record))
    cost = {"macs": macs, "parameters": macs, "latency": macs / 100}
    (place / experiment(name, 1) / "cost.json").write_text(json.dumps(cost))


def test_a_choice_is_firm_where_it_leads_under_most_weights(place):
    (place / "conf").mkdir()
    (place / "conf/rank.yaml").write_text(RANK)
    add_results(place, "choice", 3.5, 50)
    add_results(place, "rival", 1.5, 100)
    claim = {"kind": "firm", "choice": "choice", "over": ["choice", "rival"]}
    claim["holds"] = {"above": 0.95}
    row = judged(place, claim)
    assert row.verdict == "held" and [own.value for own in row.effects] == [1, 1]
    assert "seeds, speakers and attacks are drawn again too" in row.ran
    tracks = {own.what for own in row.effects}
    assert tracks == {"choice first, with cost", "choice first, without cost"}


def test_a_leader_that_is_not_the_choice_does_not_make_it_firm(place):
    claim = {"kind": "firm", "choice": "rival", "over": ["choice", "rival"]}
    claim["holds"] = {"above": 0.95}
    stale = place / "exp/claims/rank.json"  # of other experiments: nothing reads it
    stale.parent.mkdir(exist_ok=True)
    tracks = {"with_cost": {"rival": {"score": 0.5, "first": 1.0}}}
    stale.write_text(json.dumps({"tracks": tracks, "config": {"draws": 2000}}))
    row = judged(place, claim)
    assert row.verdict == "not held"
    assert all("choice has the best score" in own.reach for own in row.effects)


def test_an_order_that_other_seeds_or_trials_turn_round_is_not_firm(place):
    add_results(place, "near", 2.0, 100, spread=0.6)
    add_results(place, "next", 1.95, 100, spread=0.6)
    claim = {"kind": "firm", "choice": "near", "over": ["near", "next"], "holds": {"above": 0.95}}
    row = judged(place, claim)
    assert row.verdict == "cannot tell"
    assert all(own.interval[0] < 0.5 < own.interval[1] for own in row.effects)
