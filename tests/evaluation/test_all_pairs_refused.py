"""All pairs: systems of one name, other trials, one system, and draws that nothing would use."""

import itertools
import json
import shutil

import pytest
from made_up import make_experiments, make_set, refused, worker

from antispoof.data.tables import read_table, write_table

COMPARE, RANK = "steps/compare.py", "steps/rank.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = make_experiments(tmp_path_factory.mktemp("refused"), ("one", "two"))
    shutil.copytree(place / "exp", place / "other")
    for exp in (place / "exp").iterdir():
        (exp / "cost.json").write_text('{"macs": 1, "parameters": 2, "latency": 3}')
        for folder in ("eval", "dev"):
            out = f"exp/{exp.name}/{folder}/result.json"
            call = (f"data/{folder}", f"exp/{exp.name}/{folder}/scores", out, "--bootstrap", 0)
            assert worker("steps/evaluate.py", *call, cwd=place)[0] == 0
    (place / "conf").mkdir()
    (place / "conf/rank.yaml").write_text("in_domain: [dev]\nout_of_domain: [eval]\n")
    return place


@pytest.mark.parametrize(
    ("exps", "words"),
    [
        (("exp/one", "other/one", "exp/two"), "other/one_seed{seed}: found the system 'one' a sec"),
        (("exp/one", "exp/two", "exp/one/"), "found the system 'one' a second time, next to exp/o"),
        (
            ("exp/one_seed{seed}", "other/one_seed{seed}", "exp/two"),
            "compare these two by themselves",
        ),
    ],
)
def test_systems_of_one_name_are_not_counted_as_one(place, exps, words):
    assert words in refused(COMPARE, *exps, "eval", "--seeds", "1", cwd=place)


def test_two_systems_of_one_name_are_compared_by_themselves(place):
    exps = ("exp/one_seed1", "other/one_seed1", "eval", "--metric", "eer", "--bootstrap", 2)
    status, out, error = worker(COMPARE, *exps, cwd=place)
    assert (status, error) == (0, "") and "are equal here" in out


@pytest.mark.parametrize(
    ("exps", "option", "words"),
    [
        (("exp/one", "exp/two"), "--draws", "--draws: found 2 EXP; it is of more than two EXP"),
        (
            ("exp/one", "exp/two", "x/three"),
            "--bootstrap",
            "--bootstrap: found 3 EXP; it is of two EXP alone, leave it out",
        ),
    ],
)
def test_draws_that_nothing_would_use_are_refused(place, exps, option, words):
    assert words in refused(COMPARE, *exps, "eval", option, 2000, cwd=place)


def test_an_order_of_one_system_has_no_pairs(place):
    line = refused(RANK, "--data", "data", "exp/one_seed1", cwd=place)
    assert "--data: found one system, one; wanted two or more to compare, or no --data" in line
    assert worker(RANK, "exp/one_seed1", cwd=place)[0] == 0


@pytest.mark.parametrize("same_counts", [True, False])
def test_an_order_is_of_experiments_that_are_judged_by_the_same_trials(place, same_counts):
    """exp/two has its result of another set, with as many trials or with fewer."""
    other = make_set(place, f"eval_{same_counts}".lower(), spoof=25 if same_counts else 20)
    exp, result = place / "exp/two_seed1", place / "exp/two_seed1/eval/result.json"
    kept = result.read_text()
    table = read_table(exp / "eval/scores")
    values = itertools.cycle(table.values())
    scores = {utt: next(values) for utt in read_table(other / "utt2label")}
    (exp / other.name).mkdir()
    write_table(exp / other.name / "scores", scores)
    result.write_text(json.dumps({**json.loads(kept), "set": other.name}))
    line = refused(RANK, "--data", "data", "exp/one_seed1", "exp/two_seed1", cwd=place)
    result.write_text(kept)
    count = 160 if same_counts else 140
    assert f"eval/result.json: found {count} trials of data/{other.name}, wanted the 160 of" in line


def test_seeds_of_one_system_in_two_folders_are_refused(place):
    shutil.copytree(place / "other/one_seed1", place / "third/one_seed1", dirs_exist_ok=True)
    line = refused(RANK, "--data", "data", "exp/one_seed1", "third/one_seed1", cwd=place)
    assert "found the experiment 'one_seed1' a second time" in line
