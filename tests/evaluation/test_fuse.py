"""steps/calibrate.py and steps/fuse.py: learnt on dev alone, applied to every set."""

import json

import numpy as np
import pytest
from made_up import make_experiments, make_set, refused, worker

from antispoof import metrics
from antispoof.data.tables import read_table, write_table
from antispoof.evaluation.logistic import EFFECTIVE_PRIOR, fit_logistic
from antispoof.evaluation.scores import join, read_scores

CALIBRATE, FUSE = "steps/calibrate.py", "steps/fuse.py"


@pytest.fixture
def place(tmp_path):
    return make_experiments(tmp_path)


def run(program, *arguments, cwd):
    status, out, error = worker(program, "--data", "data/dev", *arguments, cwd=cwd)
    assert status == 0, error
    return out, error


def fuse(place, *systems):
    return run(FUSE, "--out", "exp/fusion_seed1", *systems, cwd=place)


def test_calibration_is_affine_and_learnt_on_dev(place):
    _, error = run(CALIBRATE, "exp/one_seed1", cwd=place)
    assert error == ""
    exp = place / "exp/one_seed1"
    dev = join(place / "data/dev", exp / "dev/scores")
    weights, offset = fit_logistic(dev.scores, dev.is_bonafide, EFFECTIVE_PRIOR)
    learnt = json.loads((exp / "calibration.json").read_text())
    assert learnt["weights"] == [weights[0]]
    assert (learnt["offset"], learnt["prior"]) == (offset, EFFECTIVE_PRIOR)
    assert (learnt["systems"], learnt["dev_set"]) == (["one_seed1"], "dev")
    assert (learnt["n_bonafide"], learnt["n_spoof"]) == (60, 80)
    assert learnt["smoothed"] is False
    for name in ("dev", "eval"):
        scores = read_scores(exp / name / "scores")
        llr = read_scores(exp / name / "llr/scores")
        assert list(llr) == list(scores)
        got = np.array(list(llr.values()))
        np.testing.assert_array_equal(got, np.array(list(scores.values())) * weights[0] + offset)
    trials = join(place / "data/eval", exp / "eval/scores")
    llr = join(place / "data/eval", exp / "eval/llr/scores")
    assert metrics.eer(*trials.split()) == metrics.eer(*llr.split())


def test_labels_of_eval_are_never_read(place):
    (place / "data/eval/utt2label").unlink()
    run(CALIBRATE, "exp/one_seed1", cwd=place)
    fuse(place, "exp/one_seed1", "exp/two_seed1")


def test_fusion_is_no_worse_than_its_parts_on_dev(place):
    fuse(place, "exp/one_seed1", "exp/two_seed1")
    run(CALIBRATE, "exp/one_seed1", cwd=place)
    run(CALIBRATE, "exp/two_seed1", cwd=place)
    exp = place / "exp"
    cost = {
        name: metrics.cllr(*join(place / "data/dev", exp / name / "dev/llr/scores").split())
        for name in ("one_seed1", "two_seed1", "fusion_seed1")
    }
    assert cost["fusion_seed1"] < min(cost["one_seed1"], cost["two_seed1"])
    learnt = json.loads((exp / "fusion_seed1/fusion.json").read_text())
    assert learnt["systems"] == ["one_seed1", "two_seed1"]
    assert len(learnt["weights"]) == 2
    for name in ("dev", "eval"):
        plain = (exp / "fusion_seed1" / name / "scores").read_bytes()
        assert plain == (exp / "fusion_seed1" / name / "llr/scores").read_bytes()


def test_fusion_of_one_is_calibration(place):
    fuse(place, "exp/one_seed1")
    run(CALIBRATE, "exp/one_seed1", cwd=place)
    same = [place / "exp" / name / "eval/llr/scores" for name in ("fusion_seed1", "one_seed1")]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_same_input_same_bytes(place):
    files = ("fusion.json", "dev/scores", "eval/llr/scores")
    found = []
    for _ in range(2):
        fuse(place, "exp/one_seed1", "exp/two_seed1")
        found.append([(place / "exp/fusion_seed1" / file).read_bytes() for file in files])
    assert found[0] == found[1]


def test_separable_dev_is_told_and_survived(place):
    path = place / "exp/one_seed1/dev/scores"
    label = read_table(place / "data/dev/utt2label")
    scores = {
        u: float(s) + (99 if label[u] == "bonafide" else 0) for u, s in read_table(path).items()
    }
    write_table(path, scores)
    for program, options in ((CALIBRATE, ()), (FUSE, ("--out", "exp/fusion_seed1"))):
        _, error = run(program, *options, "exp/one_seed1", cwd=place)
        assert "warning" in error
        assert "without an error" in error
    learnt = json.loads((place / "exp/one_seed1/calibration.json").read_text())
    assert learnt["smoothed"] is True


def test_flipped_scores_are_told(place):
    path = place / "exp/one_seed1/dev/scores"
    write_table(path, {utt: -float(score) for utt, score in read_table(path).items()})
    _, error = run(CALIBRATE, "exp/one_seed1", cwd=place)
    assert "sign of the scores flipped?" in error
    _, error = fuse(place, "exp/one_seed1", "exp/two_seed1")
    assert "one_seed1: has the negative weight" in error


def drop(path):
    table = read_table(path)
    first = next(iter(table))
    write_table(path, {utt: score for utt, score in table.items() if utt != first})
    return first


@pytest.mark.parametrize("name", ["dev", "eval"])
def test_systems_with_other_utterances_are_refused(place, name):
    first = drop(place / "exp/two_seed1" / name / "scores")
    options = ("--data", "data/dev", "--out", "exp/fusion_seed1", "exp/one_seed1", "exp/two_seed1")
    line = refused(FUSE, *options, cwd=place)
    assert f"'{first}' is missing" in line
    assert f"exp/two_seed1/{name}/scores" in line
    assert not (place / "exp/fusion_seed1").exists()


def test_a_set_that_shares_utterances_with_dev_is_refused(place):
    dev, judged = place / "exp/one_seed1/dev/scores", place / "exp/one_seed1/eval/scores"
    first = next(iter(read_table(dev)))
    write_table(judged, {**read_table(judged), first: "0.5"})
    line = refused(CALIBRATE, "--data", "data/dev", "exp/one_seed1", cwd=place)
    assert f"'{first}' is also in exp/one_seed1/dev/scores" in line
    assert not (place / "exp/one_seed1/dev/llr").exists()  # nothing was half done


def test_eval_cannot_pass_for_dev(place):
    options = ("--data", "data/eval", "--dev-set", "dev", "exp/one_seed1")
    assert "is missing, though" in refused(CALIBRATE, *options, cwd=place)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("exp/one_seed1", "exp/one_seed1"), "same system twice"),
        (("exp/one_seed1", "exp/gone_seed1"), "gone_seed1/dev/scores: no such file"),
        (("exp/one_seed1", "exp/fusion_seed1"), "is one of the systems"),
        (("exp/one_seed1", "--prior", "1.5"), "--prior"),
        (("exp/one_seed1", "--apply", "test"), "one_seed1/test/scores: no such file"),
    ],
)
def test_bad_options_of_fusion(place, arguments, words):
    options = ("--data", "data/dev", "--out", "exp/fusion_seed1", *arguments)
    assert words in refused(FUSE, *options, cwd=place)


def test_bad_dev_scores(place):
    path = place / "exp/one_seed1/dev/scores"
    table = read_table(path)
    for bad, words in (
        ({**table, next(iter(table)): "nan"}, "finite number"),
        (dict.fromkeys(table, "1"), "one score"),
    ):
        write_table(path, bad)
        assert words in refused(CALIBRATE, "--data", "data/dev", "exp/one_seed1", cwd=place)


def test_dev_of_one_class(tmp_path):
    place = make_experiments(tmp_path)
    make_set(tmp_path / "other", "dev", attacks=(), bonafide=60)
    scores = {u: str(i) for i, u in enumerate(read_table(tmp_path / "other/data/dev/wav.scp"))}
    write_table(place / "exp/one_seed1/dev/scores", scores)
    line = refused(CALIBRATE, "--data", "other/data/dev", "exp/one_seed1", cwd=place)
    assert "found 60 bona fide and 0 spoof" in line
