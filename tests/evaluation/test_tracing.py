"""Source tracing judged: open-set scores against loops, thresholds of dev alone, intervals."""

import json
import math

import numpy as np
import pytest
from made_up import refused, worker
from traced_sets import CLASSES, DEV, EVAL, TRAIN, make_place, sources

from antispoof import metrics
from antispoof.errors import UserError
from antispoof.evaluation.tracing import Traced, dev_threshold, open_scores
from antispoof.evaluation.tracing_result import joint, judge_tracing, together
from antispoof.metrics.sources import macro_f1

WORKER = "steps/evaluate_tracing.py"


def judged(**how):
    return judge_tracing(CLASSES, TRAIN.traced, DEV, EVAL, **{"replicates": 0, **how})


def test_open_scores_are_their_loops():
    train, own = TRAIN.traced, EVAL.traced
    found = open_scores(train, own)

    def e(z):
        return math.log(sum(math.exp(x) for x in z))

    def cos(a, b):
        return sum(a * b) / math.sqrt(sum(a * a) * sum(b * b))

    for n in (0, 3, 17):
        z, f = own.logits[n], own.embeddings[n]
        pairs = list(zip(train.logits, train.embeddings, strict=True))
        mean = sum(e(zj) * cos(f, fj) for zj, fj in pairs) / len(pairs)
        assert found["nsd"][n] == pytest.approx(e(z) * mean)
        assert found["energy"][n] == pytest.approx(e(z))
        assert found["msp"][n] == pytest.approx(max(math.exp(x) for x in z) / math.exp(e(z)))


def test_known_sources_score_higher_by_each_score_and_the_eer_has_that_sign():
    found = judged()["open"]
    for name, scores in open_scores(TRAIN.traced, EVAL.traced).items():
        known, unknown = scores[EVAL.known], scores[~EVAL.known]
        assert np.median(known) > np.median(unknown)
        assert found[name]["eer"] == metrics.eer(known, unknown) < 0.4
        assert found[name]["fpr95"] == np.mean(unknown >= np.sort(known)[2])  # 46 of 48 accepted


def test_the_closed_set_is_of_known_sources_alone():
    found = judged()
    known = EVAL.known
    best = EVAL.traced.logits.argmax(1)
    assert found["counts"] == {"known": 48, "unknown": 32}
    assert found["closed"]["accuracy"] == np.mean(best[known] == EVAL.truth[known])
    assert np.sum(found["closed"]["confusion"]) == 48
    assert set(found["closed"]["f1"]) == set(CLASSES)


def test_the_threshold_is_of_dev_and_no_score_of_the_set_moves_it():
    found = judged()["open"]
    for name, scores in open_scores(TRAIN.traced, DEV.traced).items():
        assert found[name]["threshold"] == np.sort(scores)[1]  # 35 of 36 are .95 or more
        assert "95 %" in found[name]["rule"]
    other = sources(([*CLASSES, "A07"]) * 9, 8)
    again = judge_tracing(CLASSES, TRAIN.traced, DEV, other, replicates=0)["open"]
    assert {n: o["threshold"] for n, o in again.items()} == {
        n: o["threshold"] for n, o in found.items()
    }


def test_dev_with_unknown_sources_gives_the_threshold_of_its_eer():
    scores, known = np.array([4.0, 3, 1, 2, 0, -1]), np.array([True] * 3 + [False] * 3)
    threshold, rule = dev_threshold(scores, known)
    # which is the highest score that is rejected; at the threshold, a score is accepted
    assert threshold == np.nextafter(metrics.eer_threshold(scores[known], scores[~known]), np.inf)
    assert "EER" in rule


def test_the_joint_macro_f1_has_one_class_of_all_unknown_sources():
    #        known 0 found, known 1 taken for 0, known 1 refused, unknown refused, unknown accepted
    truth, best = np.array([0, 1, 1, -1, -1]), np.array([0, 0, 1, 0, 1])
    table = joint(truth, best, np.array([True, True, False, False, True]), 2)
    assert table.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 1]]
    assert macro_f1(table) == pytest.approx((2 / 3 + 0 + 0.5) / 3)
    for own in judged()["open"].values():
        assert np.sum(own["confusion"]) == 80
        assert set(own["accepted"]) == {*CLASSES, "A07", "A09"}


def test_a_set_without_unknown_sources_has_no_open_part():
    found = judge_tracing(CLASSES, TRAIN.traced, DEV, sources(CLASSES * 9, 4), replicates=20)
    assert found["open"] is None
    assert set(found["intervals"]) == {"macro_f1"}


def test_intervals_hold_the_value_and_those_of_speakers_are_not_those_of_trials():
    found = judged(replicates=200)
    values = {"macro_f1": found["closed"]["macro_f1"]}
    for name, own in found["open"].items():
        values |= {f"{key}_{name}": own[key] for key in ("eer", "fpr95", "joint_f1")}
    assert found["intervals"].keys() == values.keys()
    for metric, kinds in found["intervals"].items():
        wanted = {"speaker", "iid"} | ({"crossed"} if metric.startswith("eer") else set())
        assert set(kinds) == wanted
        for low, high in kinds.values():
            assert low <= values[metric] <= high
            assert low < high
    assert found["intervals"]["macro_f1"]["speaker"] != found["intervals"]["macro_f1"]["iid"]
    assert found == judged(replicates=200)
    assert found["crossed"]["units"] == (
        "20 speakers (8 in one class); for these 2 unknown sources alone; "
        "for these 3 known sources alone"
    )


def test_several_seeds_have_a_mean_and_a_deviation():
    one = {**judged(), "set": "eval", "labels": "attack"}
    two = json.loads(json.dumps(one))
    two["closed"]["macro_f1"] = one["closed"]["macro_f1"] - 0.5
    found = together({"a": one, "b": two})["mean"]["macro_f1"]
    assert found["mean"] == pytest.approx(one["closed"]["macro_f1"] - 0.25)
    assert found["sd"] == pytest.approx(0.5 / math.sqrt(2))
    assert together({"a": one})["mean"]["macro_f1"]["sd"] is None
    two["counts"] = {"known": 1, "unknown": 1}
    with pytest.raises(UserError, match="other classes or trials"):
        together({"a": one, "b": two})


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path)


CALL = ("--train", "data/train", "--dev", "data/dev", "data/eval", "exp/x_seed1", "--out", "out")


def test_the_worker_leaves_bona_fide_out_and_writes_result_and_picture(place):
    status, out, error = worker(WORKER, *CALL, "--bootstrap", 0, cwd=place)
    assert (status, error) == (0, "")
    found = json.loads((place / "exp/x_seed1/eval/tracing.json").read_text())
    wanted = judged()
    assert found["closed"]["confusion"] == wanted["closed"]["confusion"]
    for name, own in wanted["open"].items():
        assert found["open"][name]["eer"] == pytest.approx(own["eer"])
    mean = json.loads((place / "out/result.json").read_text())["mean"]
    assert f"out: macro_f1 {mean['macro_f1']['mean']:.3f}\n" in out
    text = (place / "out/confusion.svg").read_text()
    assert text.startswith("<?xml")
    assert "unknown" in text


@pytest.mark.parametrize(
    ("option", "words"), [("--dev", "--dev data/eval"), ("--train", "--train data/eval")]
)
def test_nothing_is_learnt_on_a_set_to_report_on(place, option, words):
    assert f"{words}: a set to report on" in refused(WORKER, *CALL, option, "data/eval", cwd=place)


def test_traces_of_another_model_or_none(place):
    path = place / "exp/x_seed1/dev/traced.npz"
    found = Traced.load(path)
    Traced(path, found.utts, found.logits[:, :2], found.embeddings, found.model).save()
    assert "found 2 classes, wanted 3: A01, A02, A03" in refused(WORKER, *CALL, cwd=place)
    path.write_bytes(b"PK no arrays")
    assert "traced.npz: " in (line := refused(WORKER, *CALL, cwd=place))
    assert "run steps/trace.py again" in line
    path.unlink()
    assert "run steps/trace.py again" in refused(WORKER, *CALL, cwd=place)
