"""Calibrations and fusions as objects: learnt, written, read in another process, and refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from made_up import ROOT, make_experiments, refused, worker

from antispoof.data.json_files import write_json
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Calibration, Fusion
from antispoof.evaluation.scores import read_scores

CALIBRATE, FUSE = "steps/calibrate.py", "steps/fuse.py"
SYSTEMS = ("exp/one_seed1", "exp/two_seed1")
FRESH = """
import sys
import numpy as np
from antispoof.evaluation import fusion
from antispoof.evaluation.scores import read_scores

kind, path, out, *scores = sys.argv[1:]
tables = [read_scores(own) for own in scores]
values = np.array([[table[utt] for table in tables] for utt in tables[0]])
values = values[:, 0] if kind == "Calibration" else values
llr = getattr(fusion, kind).load(path)(values)
fusion.write_scores(out, dict(zip(tables[0], llr.tolist())))
"""


@pytest.fixture
def place(tmp_path):
    return make_experiments(tmp_path)


def run(place, program, *arguments):
    status, out, error = worker(program, "--data", "data/dev", *arguments, cwd=place)
    assert status == 0, error
    return out


def mapped_elsewhere(place, kind, path, *scores):
    command = [sys.executable, "-c", FRESH, kind, path, "mapped", *scores]
    subprocess.run(command, cwd=place, env={"PYTHONPATH": str(ROOT)}, check=True)
    return (place / "mapped").read_bytes()


@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
def test_a_fusion_that_is_read_elsewhere_maps_to_the_bytes_of_the_step(place, rule):
    run(place, FUSE, "--rule", rule, "--out", "exp/joint", *SYSTEMS)
    for name in ("dev", "eval"):
        scores = [f"{exp}/{name}/scores" for exp in SYSTEMS]
        found = mapped_elsewhere(place, "Fusion", "exp/joint/fusion.json", *scores)
        assert found == (place / f"exp/joint/{name}/llr/scores").read_bytes()


def test_a_calibration_that_is_read_elsewhere_maps_to_the_bytes_of_the_step(place):
    run(place, CALIBRATE, SYSTEMS[0])
    own = f"{SYSTEMS[0]}/eval/scores", f"{SYSTEMS[0]}/calibration.json"
    found = mapped_elsewhere(place, "Calibration", own[1], own[0])
    assert found == (place / SYSTEMS[0] / "eval/llr/scores").read_bytes()


def columns(place, name="dev"):
    tables = [read_scores(place / exp / name / "scores") for exp in SYSTEMS]
    label = read_table(place / "data" / name / "utt2label")
    scores = np.array([[table[utt] for table in tables] for utt in tables[0]])
    return scores, np.array([label[utt] == "bonafide" for utt in tables[0]])


@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
def test_what_arrays_teach_is_what_the_step_learns(place, rule, tmp_path):
    run(place, FUSE, "--rule", rule, "--out", "exp/joint", *SYSTEMS)
    names = ("one_seed1", "two_seed1")
    learnt = Fusion.fit(*columns(place), names, rule=rule)
    learnt.save(tmp_path / "own.json")
    assert (tmp_path / "own.json").read_bytes() == (place / "exp/joint/fusion.json").read_bytes()
    again = Fusion.load(tmp_path / "own.json")
    scores = columns(place, "eval")[0]
    np.testing.assert_array_equal(again(scores), learnt(scores))
    np.testing.assert_array_equal(again(np.asfortranarray(scores)), learnt(scores))
    alone = np.concatenate([again(scores[n : n + 1]) for n in range(len(scores))])
    np.testing.assert_array_equal(alone, learnt(scores))
    assert list(again.warnings()) == list(learnt.warnings())


def test_a_map_refuses_scores_of_another_shape_and_what_is_no_number(place):
    scores, is_bonafide = columns(place)
    learnt = Fusion.fit(scores, is_bonafide)
    assert learnt.systems == ("system1", "system2")
    with pytest.raises(ValueError, match="found scores of 1 systems, wanted 2: system1, system2"):
        learnt(scores[:, 0])
    with pytest.raises(ValueError, match="is no finite number"):
        learnt([[0.0, np.nan]])
    with pytest.raises(ValueError, match="trial 1: the LLR of the scores"):
        learnt([[0.0, 1.0], [1.7e308, 1.7e308]])
    with pytest.raises(ValueError, match="found 2 systems by the rule 'logistic', wanted one"):
        Calibration.fit(scores, is_bonafide)
    own = Calibration.fit(scores[:, 0], is_bonafide)
    np.testing.assert_array_equal(own(scores[:, 0]), own(scores[:, :1]))


@pytest.fixture
def record(place):
    run(place, FUSE, "--rule", "rank", "--out", "exp/joint", *SYSTEMS)
    return json.loads((place / "exp/joint/fusion.json").read_text())


def test_files_of_an_older_version_are_read_or_refused_in_a_line(place, record, tmp_path):
    del record["dev_scores"]
    write_json(tmp_path / "f.json", {**record, "rule": "logistic"})
    old = Fusion.load(tmp_path / "f.json")
    np.testing.assert_array_equal(old([[0.0, 0.0]]), [record["offset"]])
    write_json(tmp_path / "f.json", record)
    with pytest.raises(UserError, match="f.json: lacks 'dev_scores', by which the rule rank maps"):
        Fusion.load(tmp_path / "f.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": [1.0]}, "found 1 weights of 2 systems"),
        ({"weights": ["1", 2]}, r'weights\[0\]: found "1", wanted a finite number'),
        ({"weights": 3}, "weights: found 3, wanted a list"),
        ({"systems": [], "weights": []}, "found 0 weights of 0 systems"),
        ({"offset": None}, "offset: found null, wanted a finite number"),
        ({"offset": True}, "offset: found true, wanted a finite number"),
        ({"offset": 10**400}, "offset: found 1000.*, wanted a finite number"),
        ({"n_spoof": 2.5}, "n_spoof: found 2.5, wanted a whole number"),
        ({"prior": 1}, "found the prior 1, wanted a number between 0 and 1"),
        ({"rule": "median"}, "found the rule 'median', wanted logistic, mean, rank"),
        ({"dev_scores": [[1.0], [2.0]]}, "dev_scores: found no ascending list of 140 scores"),
        ({"dev_scores": [[1.0]]}, "dev_scores: found 1 lists of 2 systems"),
        ({"systems": {"a": 1}}, "systems: found .*, wanted a list"),
    ],
)
def test_a_file_made_by_hand_is_refused_in_a_line(record, tmp_path, change, words):
    write_json(tmp_path / "f.json", {**record, **change})
    with pytest.raises(UserError, match=f"f.json: {words}.*; run steps/fuse.py again") as found:
        Fusion.load(tmp_path / "f.json")
    assert "\n" not in str(found.value)
    for key in set(record) - {"dev_scores"}:
        write_json(tmp_path / "f.json", {k: v for k, v in record.items() if k != key})
        with pytest.raises(UserError, match=f"f.json: lacks '{key}'"):
            Fusion.load(tmp_path / "f.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"offset": NaN}', "[" * 9999, "\xff"])
def test_what_is_no_json_or_no_map_is_refused_in_a_line(tmp_path, text):
    (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="c.json: .*; run steps/calibrate.py again") as found:
        Calibration.load(tmp_path / "c.json")
    assert "\n" not in str(found.value)
    with pytest.raises(UserError, match="gone.json: no such file; run steps/calibrate.py again"):
        Calibration.load(tmp_path / "gone.json")


@pytest.mark.parametrize("name", ["dev", "eval"])
@pytest.mark.parametrize("score", ["1e300", "-1.7e308"])
def test_a_score_beyond_reason_is_refused_by_its_utterance(place, name, score):
    path = place / SYSTEMS[0] / name / "scores"
    table = read_table(path)
    utt = list(table)[7]
    write_table(path, {**table, utt: score})
    wanted = f"{name}/scores: {utt}: found the score '{score}', wanted a finite number from -1e+100"
    assert wanted in refused(CALIBRATE, "--data", "data/dev", SYSTEMS[0], cwd=place)
    options = ("--data", "data/dev", "--out", "exp/joint")
    assert wanted in refused(FUSE, *options, *SYSTEMS, cwd=place)
    command = (f"data/{name}", path, "o.json", "--bootstrap", "0")
    assert wanted in refused("steps/evaluate.py", *command, cwd=place)


def test_one_score_that_drowns_the_others_is_refused_by_its_utterance(place):
    path = place / SYSTEMS[0] / "dev/scores"
    table = read_table(path)
    utt = list(table)[7]
    write_table(path, {**table, utt: "1e30"})
    line = refused(CALIBRATE, "--data", "data/dev", SYSTEMS[0], cwd=place)
    assert f"dev/scores: {utt}: found the score 1e+30, so far from the others that" in line
    assert not (place / SYSTEMS[0] / "calibration.json").exists()
    write_table(path, {**table, utt: "1e6"})
    assert "llr = " in run(place, CALIBRATE, SYSTEMS[0])


def test_scores_that_hardly_differ_are_refused(place):
    path = place / SYSTEMS[0] / "dev/scores"
    table = read_table(path)
    write_table(path, {utt: repr(float(score) * 1e-300) for utt, score in table.items()})
    line = refused(CALIBRATE, "--data", "data/dev", SYSTEMS[0], cwd=place)
    assert "dev/scores: dev_" in line
    assert "below it, wanted scores that differ by 1e-100 or more" in line
    write_table(path, {utt: repr(float(score) * 1e-90) for utt, score in table.items()})
    assert "llr = " in run(place, CALIBRATE, SYSTEMS[0])


def test_scores_of_two_values_are_no_outliers(place):
    path = place / SYSTEMS[0] / "dev/scores"
    table = read_table(path)
    write_table(path, {utt: "1e20" if float(s) > 0 else "0" for utt, s in table.items()})
    assert "llr = " in run(place, CALIBRATE, SYSTEMS[0])


def test_leaving_out_of_two_folders_with_one_name_is_refused(place):
    (place / "other").mkdir()
    (place / "exp/two_seed1").rename(place / "other/one_seed1")
    pair = ("--out", "exp/joint", "exp/one_seed1", "other/one_seed1")
    options = ("--data", "data/dev", "--leave-one-out", *pair)
    line = refused(FUSE, *options, cwd=place)
    assert "--leave-one-out: found several systems in folders called 'one_seed1'" in line
    run(place, FUSE, *pair)
