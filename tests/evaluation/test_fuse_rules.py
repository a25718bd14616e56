"""steps/fuse.py: the baselines of fusion, and what each system brings to it."""

import json

import numpy as np
import pytest
from made_up import make_experiments, make_scores, refused, worker

from antispoof import metrics
from antispoof.data.tables import read_table, write_table
from antispoof.evaluation.fusion import ranks
from antispoof.evaluation.scores import join, read_scores

SYSTEMS = ("exp/one_seed1", "exp/two_seed1", "exp/three_seed1")


@pytest.fixture
def place(tmp_path):
    place = make_experiments(tmp_path, systems=("one", "two", "three"))
    for index, exp in enumerate(SYSTEMS):  # none so good that the classes part
        for name in ("dev", "eval"):
            path = place / exp / name / "scores"
            make_scores(place / "data" / name, path, gap=1.5, scale=10**index, seed=index)
    return place


def fuse(place, *options):
    command = ("--data", "data/dev", "--out", "exp/fusion_seed1", *options)
    status, out, error = worker("steps/fuse.py", *command, *SYSTEMS, cwd=place)
    assert (status, error) == (0, "")
    return out, json.loads((place / "exp/fusion_seed1/fusion.json").read_text())


def scores_of(place, name):
    return np.array(
        [list(read_scores(place / exp / name / "scores").values()) for exp in SYSTEMS]
    ).T


def test_the_mean_gives_every_system_the_same_say(place):
    _, learnt = fuse(place, "--rule", "mean")
    dev, judged = scores_of(place, "dev"), scores_of(place, "eval")
    says = np.array(learnt["weights"]) * dev.std(axis=0)
    np.testing.assert_allclose(says, says[0])
    joint = ((judged - dev.mean(axis=0)) / dev.std(axis=0)).mean(axis=1)
    got = np.array(list(read_scores(place / "exp/fusion_seed1/eval/scores").values()))
    slope, offset = np.polyfit(joint, got, 1)
    np.testing.assert_allclose(got, slope * joint + offset, atol=1e-9)
    assert slope > 0
    assert learnt["rule"] == "mean"


def test_ranks_do_not_care_for_scale_and_outliers(place):
    _, learnt = fuse(place, "--rule", "rank")
    before = (place / "exp/fusion_seed1/eval/scores").read_bytes()
    for name in ("dev", "eval"):
        path = place / "exp/one_seed1" / name / "scores"
        write_table(path, {u: repr(float(np.exp(float(s)))) for u, s in read_table(path).items()})
    fuse(place, "--rule", "rank")
    assert (place / "exp/fusion_seed1/eval/scores").read_bytes() == before
    dev = scores_of(place, "dev")
    joint = ranks(scores_of(place, "eval"), np.sort(dev, axis=0)) @ np.array(learnt["weights"])
    got = np.array(list(read_scores(place / "exp/fusion_seed1/eval/scores").values()))
    np.testing.assert_allclose(got, joint + learnt["offset"], atol=1e-9)


def test_ranks_by_hand():
    known = np.array([[1.0], [2], [2], [5]])
    got = ranks(np.array([[0.0], [1], [2], [3], [9]]), known)
    np.testing.assert_array_equal(got[:, 0], [0, 1 / 8, 1 / 2, 3 / 4, 1])


def test_one_utterance_is_scored_whatever_the_others_are(place):
    for rule in ("mean", "rank"):
        fuse(place, "--rule", rule)
        whole = read_scores(place / "exp/fusion_seed1/eval/scores")
        kept = {exp: (place / exp / "eval/scores").read_bytes() for exp in SYSTEMS}
        for exp in SYSTEMS:
            table = read_table(place / exp / "eval/scores")
            write_table(place / exp / "eval/scores", dict(list(table.items())[:7]))
        fuse(place, "--rule", rule)
        part = read_scores(place / "exp/fusion_seed1/eval/scores")
        assert part == dict(list(whole.items())[:7])
        for exp, data in kept.items():
            (place / exp / "eval/scores").write_bytes(data)


def test_what_each_system_brings(place):
    out, learnt = fuse(place, "--leave-one-out")
    trials = join(place / "data/dev", place / "exp/fusion_seed1/dev/scores")
    assert learnt["dev_cllr"] == pytest.approx(metrics.cllr(*trials.split()))
    for exp in SYSTEMS:
        name = exp.removeprefix("exp/")
        folder = place / "exp/fusion_seed1" / f"without_{name}"
        rest = json.loads((folder / "fusion.json").read_text())
        assert rest["systems"] == [s for s in learnt["systems"] if s != name]
        assert rest["dev_cllr"] > learnt["dev_cllr"] - 1e-3  # more systems, no worse on dev
        assert f"without {name}: Cllr there {rest['dev_cllr']:.4f}" in out
    pair = ("exp/fusion_seed1", "exp/fusion_seed1/without_two_seed1", "eval", "--bootstrap", "20")
    status, out, _ = worker("steps/compare.py", *pair, cwd=place)
    assert status == 0
    assert "fusion_seed1 - without_two_seed1 on eval" in out


def test_leaving_the_only_one_out(place):
    command = ("--data", "data/dev", "--out", "exp/f", "--leave-one-out", SYSTEMS[0])
    assert "found 1 system" in refused("steps/fuse.py", *command, cwd=place)


def test_systems_that_cancel_each_other_out_are_refused_in_a_line(place):
    path = place / "exp/two_seed1/dev/scores"
    scores = read_table(place / "exp/one_seed1/dev/scores")
    write_table(path, {utt: repr(-float(score)) for utt, score in scores.items()})
    for rule in ("mean", "rank"):
        command = ("--data", "data/dev", "--rule", rule, "--out", "exp/f", *SYSTEMS[:2])
        said = refused("steps/fuse.py", *command, cwd=place)
        assert f"one_seed1, two_seed1 by the rule '{rule}': " in said
