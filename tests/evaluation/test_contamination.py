"""What a model was trained on goes with its weights, and the warning with every score."""

import json
import shutil

import numpy as np
import pytest
from made_up import make_experiments, make_scores, worker

from antispoof.data.frame_scores import table_path, write_frames
from antispoof.data.segments import write_segments
from antispoof.data.tables import read_table
from antispoof.evaluation.contamination import inherit_training, lines_of, warning_of
from antispoof.systems.training_data import training_data

CORPUS = "corpus: Speech of X, clean\nset: eval\nversion: 1\n"
LINE = "Speech of X: eval; made of Y"
SAID = "was trained on speech of Speech of X, clean, set 'eval' (made of Y): its scores there say"


@pytest.fixture
def place(tmp_path):
    """Two systems, of which one was trained on eval."""
    make_experiments(tmp_path)
    (tmp_path / "data/eval/PROVENANCE").write_text(CORPUS)
    (tmp_path / "exp/one_seed1/trained_on").write_text(f"Other: all\n{LINE}\n")
    return tmp_path


def run(program, *arguments, cwd):
    status, out, error = worker(program, *arguments, cwd=cwd)
    assert status == 0, error
    return out, error


def evaluated(place, system, data="eval", folder="eval"):
    """What is said, and the result, without --exp."""
    out = f"exp/{system}/{data}/result.json"
    words = (f"data/{data}", f"exp/{system}/{folder}/scores", out, "--bootstrap", 0)
    _, error = run("steps/evaluate.py", *words, cwd=place)
    return error, json.loads((place / out).read_text())


def test_every_result_of_the_set_has_the_warning_and_tables_show_it(place):
    error, result = evaluated(place, "one_seed1")
    assert f"warning: {place}/exp/one_seed1 {SAID}" in error
    assert SAID in result["trained_on"]
    error, result = evaluated(place, "two_seed1")
    assert error == "" and "trained_on" not in result
    for markdown in ((), ("--markdown",)):
        out, _ = run("utils/show_results.py", *markdown, cwd=place)
        assert out.count("Not unseen: ") == 1
        assert f"Not unseen: {place}/exp/one_seed1 {SAID}" in out


def test_a_result_that_holds_no_text_there_is_refused(place):
    _, result = evaluated(place, "one_seed1")
    result["trained_on"] = 3
    (place / "exp/one_seed1/eval/result.json").write_text(json.dumps(result))
    status, _, error = worker("utils/show_results.py", cwd=place)
    assert status == 1 and "trained_on" in error


def test_a_fusion_was_trained_on_what_its_systems_were(place):
    words = ["--data", "data/dev", "--apply", "dev eval", "--out", "exp/fusion_seed1"]
    run("steps/fuse.py", *words, "exp/two_seed1", "exp/one_seed1", cwd=place)
    assert lines_of(place / "exp/fusion_seed1") == ["Other: all", LINE]
    error, result = evaluated(place, "fusion_seed1", folder="eval/llr")
    assert SAID in error and SAID in result["trained_on"]
    run("steps/fuse.py", *words[:-1], "exp/plain_seed1", "exp/two_seed1", cwd=place)
    assert not (place / "exp/plain_seed1/trained_on").exists()


def test_lines_are_inherited_once_and_in_their_order(place):
    for _ in range(2):
        inherit_training(place / "exp/next", [place / "exp/two_seed1", place / "exp/one_seed1"])
    assert lines_of(place / "exp/next") == ["Other: all", LINE]


def test_a_copied_model_and_a_pack_say_it(place):
    exp = place / "exp/one_seed1"
    for name in ("config.yaml", "best.pt"):
        (exp / name).write_text("x")
    run("utils/take_model.py", exp, "there/exp/taken/", cwd=place)
    assert lines_of(place / "there/exp/taken") == lines_of(exp)
    assert f"one_seed1 was trained on {LINE}\n" in training_data([exp])


def test_a_part_of_a_set_is_known_by_its_origin(place):
    run("utils/subset_data_dir.py", "--count", 40, "data/eval", "data/few", cwd=place)
    run("utils/subset_data_dir.py", "--count", 20, "data/few", "data/fewer", cwd=place)
    for name in ("few", "fewer"):
        assert SAID in warning_of(place / "exp/one_seed1", place / "data" / name)
    text = (place / "data/fewer/PROVENANCE").read_text()
    assert text == f"{CORPUS}made of: eval\nmade of: few\n"
    shutil.move(place / "data/few/PROVENANCE", place / "data/dev/PROVENANCE")
    (place / "data/eval/PROVENANCE").write_text("corpus: Speech of X, clean\n")  # an earlier one
    run("utils/subset_data_dir.py", "--count", 20, "data/eval", "data/old", cwd=place)
    assert "\nset: eval\n" in (place / "data/old/PROVENANCE").read_text()
    (place / "data/eval/PROVENANCE").unlink()
    run("utils/subset_data_dir.py", "--count", 20, "data/eval", "data/none", cwd=place)
    assert not (place / "data/none/PROVENANCE").exists()


def test_where_a_sound_is_spoofed_is_judged_with_the_warning_too(place):
    data, folder = place / "data/eval", place / "exp/one_seed1/eval/scores.frames"
    labels = read_table(data / "utt2label")
    write_segments(data, {utt: [(0.0, 3.0, label)] for utt, label in labels.items()})
    folder.mkdir()
    rng = np.random.default_rng(1)
    rows = {utt: rng.normal(size=30).astype(np.float32) for utt in labels}
    write_frames(table_path(folder, 0.1), rows)
    out = place / "exp/one_seed1/localisation_eval.json"
    _, error = run("steps/localise.py", data, folder, out, "--bootstrap", 0, cwd=place)
    assert SAID in error and SAID in json.loads(out.read_text())["trained_on"]
    make_scores(data, place / "exp/two_seed1/eval/scores")
    shutil.copytree(folder, place / "exp/two_seed1/eval/scores.frames")
    out = place / "exp/two_seed1/localisation_eval.json"
    words = (data, "exp/two_seed1/eval/scores.frames", out, "--bootstrap", 0)
    _, error = run("steps/localise.py", *words, cwd=place)
    assert "trained_on" not in json.loads(out.read_text())
