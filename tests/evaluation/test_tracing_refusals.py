"""steps/evaluate_tracing.py: a part of a set, another model, and experiments that are no seeds."""

import json
import shutil

import numpy as np
import pytest
from made_up import refused, worker
from traced_sets import make_place

from antispoof.data.tables import read_table, write_table
from antispoof.evaluation.tracing import Traced

WORKER = "steps/evaluate_tracing.py"
SETS = ("--train", "data/train", "--dev", "data/dev", "data/eval", "--bootstrap", 0, "--out", "out")


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path, ("x_seed1", "x_seed2"))


def call(place, *exps):
    return refused(WORKER, *SETS, *exps, cwd=place)


@pytest.mark.parametrize("name", ["train", "dev", "eval"])
def test_a_part_of_a_set_is_refused(place, name):
    path = place / f"exp/x_seed1/{name}/traced.npz"
    found = Traced.load(path)
    found.keep(np.arange(len(found.utts)) > 2).save()
    line = call(place, "exp/x_seed1")
    assert f"{name}/traced.npz: '{name}_000' is missing, though data/{name}/wav.scp has it" in line
    assert "3 missing and 0 extra" in line and "run steps/trace.py again" in line


def test_a_set_that_has_lost_utterances_is_refused(place):
    for name in ("wav.scp", "utt2attack", "utt2spk"):
        table = read_table(place / "data/eval" / name)
        del table["eval_000"]
        write_table(place / "data/eval" / name, table)
    assert "0 missing and 1 extra" in call(place, "exp/x_seed1")


def test_what_another_model_says_is_refused(place):
    shutil.copy(place / "exp/x_seed2/dev/traced.npz", place / "exp/x_seed1/dev/traced.npz")
    line = call(place, "exp/x_seed1")
    assert "x_seed1/dev/traced.npz: found what another model says, wanted that of" in line
    assert "exp/x_seed1/best.pt; run steps/trace.py again" in line
    (place / "exp/x_seed2/best.pt").unlink()
    assert "exp/x_seed2/best.pt: no such file" in call(place, "exp/x_seed2")


def test_an_empty_file_and_an_utterance_twice_are_refused(place):
    path = place / "exp/x_seed1/eval/traced.npz"
    found = Traced.load(path)
    utts = found.utts.copy()
    utts[1] = utts[0]
    Traced(path, utts, found.logits, found.embeddings, found.model).save()
    assert "names an utterance twice; run steps/trace.py again" in call(place, "exp/x_seed1")
    path.write_bytes(b"")
    assert "run steps/trace.py again" in call(place, "exp/x_seed1")


def test_experiments_of_one_name_or_of_several_systems_are_refused(place):
    shutil.copytree(place / "exp/x_seed1", place / "other/x_seed1")
    shutil.copytree(place / "exp/x_seed1", place / "exp/y_seed2")
    line = call(place, "exp/x_seed1", "other/x_seed1")
    assert "found the experiment 'x_seed1' a second time" in line
    line = call(place, "exp/x_seed1", "exp/y_seed2")
    assert "found experiments of x, y; wanted seeds of one system" in line
    assert worker(WORKER, *SETS, "exp/x_seed1", "exp/x_seed2", cwd=place)[0] == 0
    assert json.loads((place / "out/result.json").read_text())["experiments"] == [
        "x_seed1",
        "x_seed2",
    ]


def test_nothing_is_written_where_experiments_do_not_go_together(place):
    path = place / "exp/x_seed2/config.yaml"
    text = path.read_text()
    assert "- A03\n" in text
    path.write_text(text.replace("- A03\n", "- A07\n"))
    table = place / "data/train/utt2attack"
    table.write_text(table.read_text().replace(" A03", " A07", 1))  # both were learnt from
    assert "other classes or trials" in call(place, "exp/x_seed1", "exp/x_seed2")
    assert not list(place.glob("exp/*/eval/tracing.json")) and not (place / "out").exists()


def change(place, name, **values):
    """Change parts of what the first model says of a set."""
    path = place / f"exp/x_seed1/{name}/traced.npz"
    found = Traced.load(path)
    parts = {"logits": found.logits, "embeddings": found.embeddings, **values}
    Traced(path, found.utts, parts["logits"], parts["embeddings"], found.model).save()


def test_a_dev_set_that_was_learnt_from_is_refused(place):
    call_of = ("--train", "data/train", "--dev", "data/train", "data/eval", "--out", "out")
    line = refused(WORKER, *call_of, "exp/x_seed1", cwd=place)
    assert "--dev: found train_000 of data/train too (60 in all), wanted a set that the" in line


def test_sources_that_were_renamed_since_training_are_refused(place):
    path = place / "data/train/utt2attack"
    path.write_text(path.read_text().replace(" A02", " B02"))
    line = call(place, "exp/x_seed1")
    assert "data/train/utt2attack: found none of A02, which exp/x_seed1 learnt" in line


def test_a_model_that_says_one_thing_of_all_is_refused(place):
    change(place, "eval", logits=np.ones((82, 3)))
    assert "eval/traced.npz: found one logit for all, was the model trained?" in call(
        place, "exp/x_seed1"
    )


def test_embeddings_of_another_width_are_refused(place):
    change(place, "eval", embeddings=np.ones((82, 4)))
    line = call(place, "exp/x_seed1")
    assert "eval/traced.npz: found embeddings of 4 numbers, " in line
    assert "train/traced.npz has 6; trace both sets again" in line


def test_the_sources_that_are_known_and_those_that_are_not_are_said(place):
    status, out, _ = worker(WORKER, *SETS, "exp/x_seed1", cwd=place)
    assert status == 0
    assert "out: known to training: A01, A02, A03\nout: unknown to training: A07, A09\n" in out
    assert json.loads((place / "exp/x_seed1/eval/tracing.json").read_text())["sources"] == {
        "known": ["A01", "A02", "A03"],
        "unknown": ["A07", "A09"],
    }
