"""Fusion between sets: joins both ways, shared utterances, and each option of steps/fuse.py."""

import json

import pytest
from made_up import make_experiments
from plain_results import call, plain_cell

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.fusion import apply, learn
from antispoof.evaluation.scores import read_scores

FUSE = "steps/fuse.py"
EXPS = ("exp/one_seed1", "exp/two_seed1", "exp/three_seed1")


@pytest.fixture
def place(tmp_path):
    return make_experiments(tmp_path, systems=("one", "two", "three"))


def paths(place, count=2):
    return [place / exp for exp in EXPS[:count]]


def fuse(place, *options, count=3):
    command = ("--data", "data/dev", "--out", "exp/fusion_seed1", *options, *EXPS[:count])
    call(FUSE, *command, cwd=place)
    return json.loads((place / "exp/fusion_seed1/fusion.json").read_text())


def change(path, **entries):
    """Add the entries to a table; None drops the first line."""
    table = read_table(path)
    for key, value in entries.items():
        if value is None:
            key = next(iter(table))
            del table[key]
        else:
            table[key] = value
    write_table(path, table)
    return key


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("entry", [None, "0.5"])
@pytest.mark.parametrize("name", ["dev", "eval"])
def test_systems_hold_the_same_utterances_in_both_directions(place, which, entry, name):
    learnt = learn(place / "data/dev", "dev", paths(place, 3))
    utt = change(paths(place, 3)[which] / name / "scores", zz=entry)
    with pytest.raises(UserError, match=f"'{utt}' is missing"):
        apply(learnt, name, paths(place, 3))
    if name == "dev":
        with pytest.raises(UserError, match=f"'{utt}' is missing"):
            learn(place / "data/dev", "dev", paths(place, 3))


def test_a_set_that_shares_an_utterance_with_dev_is_refused_whatever_its_name(place):
    learnt = learn(place / "data/dev", "dev", paths(place))
    shared = sorted(read_table(place / EXPS[0] / "dev/scores"))[3:5]
    for exp in paths(place):
        change(exp / "eval/scores", **dict.fromkeys(shared, "0.5"))
    with pytest.raises(UserError, match=rf"'{shared[0]}' is also in .*dev/scores \(2 in all\)"):
        apply(learnt, "eval", paths(place))
    assert len(apply(learnt, "dev", paths(place))) == 140


def test_scores_of_a_set_are_those_of_the_sums(place):
    learnt = learn(place / "data/dev", "dev", paths(place))
    tables = [read_scores(exp / "eval/scores") for exp in paths(place)]
    found = apply(learnt, "eval", paths(place))
    assert list(found) == list(tables[0])
    for utt, value in found.items():
        parts = [w * table[utt] for w, table in zip(learnt.weights, tables, strict=True)]
        assert value == pytest.approx(sum(parts) + learnt.offset)


@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
def test_rule_and_prior_of_the_worker_are_those_that_learn(place, rule, capsys):
    learnt = fuse(place, "--rule", rule, "--prior", "0.25", count=2)
    wanted = learn(place / "data/dev", "dev", paths(place), 0.25, rule)
    assert learnt["rule"] == rule
    assert (learnt["prior"], learnt["weights"]) == (0.25, list(wanted.weights))
    other = learn(place / "data/dev", "dev", paths(place), 0.75, rule)
    assert other.offset != wanted.offset
    for name in ("dev", "eval"):
        llr = apply(wanted, name, paths(place))
        for folder in (name, f"{name}/llr"):
            assert read_scores(place / "exp/fusion_seed1" / folder / "scores") == llr
    pairs = zip(wanted.weights, EXPS, strict=False)
    terms = " + ".join(f"{w:.4g} {exp.removeprefix('exp/')}" for w, exp in pairs)
    assert capsys.readouterr().out == (
        f"exp/fusion_seed1: llr = {terms} + {wanted.offset:.4g}"
        f"{' of ranks' if rule == 'rank' else ''}, learnt on 60 bona fide and 80 spoof trials "
        f"of dev, Cllr there {wanted.dev_cllr:.4f}\n"
    )


def test_the_usual_options_of_the_worker(place):
    learnt = fuse(place, count=2)
    assert (learnt["rule"], learnt["dev_set"]) == ("logistic", "dev")
    assert learnt["prior"] == pytest.approx(0.95 / 1.45)
    assert not list((place / "exp/fusion_seed1").glob("without_*"))


def test_only_the_sets_that_are_named_are_written(place):
    fuse(place, "--apply", "eval", count=2)
    names = sorted(path.name for path in (place / "exp/fusion_seed1").iterdir())
    assert names == ["eval", "fusion.json"]


def test_the_dev_set_may_go_by_another_name_in_experiments(place):
    for exp in paths(place):
        (exp / "dev").rename(exp / "held")
    learnt = fuse(place, "--dev-set", "held", "--apply", "held eval", count=2)
    assert learnt["dev_set"] == "held"
    change(place / EXPS[0] / "eval/scores", dev_A01_000="1.0")
    change(place / EXPS[1] / "eval/scores", dev_A01_000="1.0")
    with pytest.raises(UserError, match="is also in exp/one_seed1/held/scores"):
        fuse(place, "--dev-set", "held", "--apply", "held eval", count=2)


@pytest.mark.parametrize("rule", ["logistic", "mean"])
def test_leaving_one_out_learns_from_the_others_alone(place, rule, capsys):
    options = ("--rule", rule, "--prior", "0.4", "--leave-one-out", "--apply", "eval")
    whole = fuse(place, *options)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    for line, left in zip(out[1:], EXPS, strict=True):
        others = [place / exp for exp in EXPS if exp != left]
        wanted = learn(place / "data/dev", "dev", others, 0.4, rule)
        name = left.removeprefix("exp/")
        folder = place / "exp/fusion_seed1" / f"without_{name}"
        rest = json.loads((folder / "fusion.json").read_text())
        assert (rest["weights"], rest["prior"]) == (list(wanted.weights), 0.4)
        assert rest["systems"] == [exp.name for exp in others]
        assert read_scores(folder / "eval/scores") == apply(wanted, "eval", others)
        assert read_scores(folder / "eval/llr/scores") == apply(wanted, "eval", others)
        # the sign: above 0 where the system brings something
        llr = apply(wanted, "dev", others)
        labels = read_table(place / "data/dev/utt2label")
        parts = [[llr[u] for u, c in labels.items() if c == own] for own in ("bonafide", "spoof")]
        cost = plain_cell(*parts, *parts)["cllr"]
        change_text = f"{cost - whole['dev_cllr']:+.4f}"
        assert line == f"  without {name}: Cllr there {cost:.4f} ({change_text})"
    assert json.loads((place / "exp/fusion_seed1/fusion.json").read_text()) == whole


def test_the_same_folder_by_two_names_is_the_same_system(place):
    (place / "exp/link").symlink_to(place / EXPS[0])
    for command in (("exp/link", EXPS[0]), (EXPS[0], "exp/../exp/one_seed1")):
        with pytest.raises(UserError, match="same system twice"):
            call(FUSE, "--data", "data/dev", "--out", "exp/f", *command, cwd=place)
    with pytest.raises(UserError, match="is one of the systems"):
        call(FUSE, "--data", "data/dev", "--out", "exp/link", *EXPS[:2], cwd=place)
