"""Recipes without a list of their own, or without training, whole: a folder, and models from it.

One small model learns on a folder of one's own; In-the-Wild and Deepfake-Eval-2024, in small, judge
it. Each is run by its own run.sh, from stage 1 to its table.
"""

import json
import re
import shutil
import subprocess

import pytest
from made_up import ROOT
from miniature import Tree, grow, sources

MODEL = "mel_cnn_small_seed1"
SMALL = ["--override", "epochs=1 batch_size=8", "--tag", "small", "--seeds", "1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with copies of three recipes, a run.sh that is the root's, and a cache."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in ("custom", "in_the_wild", "deepfake_eval_2024"):
        for file in ("run.sh", "corpus.yaml", "local/prepare_data.py"):
            path = folder / "egs" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / "egs" / name / file, path)
    (folder / "run.sh").write_text(f'#!/usr/bin/env bash\nexec "{ROOT}/run.sh" "$@"\n')
    (folder / "run.sh").chmod(0o755)
    sources()
    return folder


@pytest.fixture(autouse=True)
def cache(place, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(place / "cache"))


def run(place, recipe, corpus, *words):
    """What a recipe prints that ends well."""
    command = [place / "egs" / recipe / "run.sh", "--corpus", corpus, "--device", "cpu", *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report: " in done.stdout
    return done.stdout


def result(place, recipe, name):
    return json.loads((place / f"egs/{recipe}/exp/{MODEL}/{name}/result.json").read_text())


@pytest.fixture(scope="module")
def trained(place):
    """What egs/custom prints of a folder with two holdouts; its model is then there."""
    tree = Tree(place / "my sounds")
    for name, count in (("train", 8), ("dev", 6), ("eval", 6), ("polished", 4), ("unpolished", 4)):
        for number in range(count):
            tree.sound(f"{name}/bonafide/{number}.wav")
            tree.sound(f"{name}/spoof/A0{number % 2}/{number}.wav", "spoof")
    sets = "eval eval_polished eval_unpolished"
    return run(place, "custom", tree.root, "--eval-sets", sets, *SMALL)


def test_a_folder_of_ones_own_and_its_holdouts_get_tables(place, trained):
    assert len(re.findall(r"^mel_cnn_small +\d", trained, re.MULTILINE)) == 3
    assert result(place, "custom", "eval")["counts"]["trials"] == 12
    assert result(place, "custom", "eval_unpolished")["counts"]["trials"] == 8
    assert set(result(place, "custom", "eval")["by"]["attack"]) == {"A00", "A01"}


def judged(place, recipe, tree, *words):
    """What a recipe prints of the model that was trained elsewhere."""
    model = place / "egs/custom/exp" / MODEL
    options = ["--model-from", model, "--local-options", "--allow-partial"]
    return run(place, recipe, tree.root, *options, *words)


def test_in_the_wild_judges_a_model_from_elsewhere(place, trained):
    tree = grow("in_the_wild", place / "release_in_the_wild")
    out = judged(place, "in_the_wild", tree)
    assert re.search(r"^mel_cnn_small +\d", out, re.MULTILINE)
    found = result(place, "in_the_wild", "eval")
    assert found["counts"] == {"bonafide": 6, "spoof": 6, "trials": 12}
    assert found["llr_given"]  # calibrated on the dev set that the model comes with
    with open(place / "egs/in_the_wild/data/eval/PROVENANCE") as stream:
        assert "licence: CC BY-SA 4.0" in stream.read()


def test_deepfake_eval_is_judged_by_files_and_by_segments_apart(place, trained):
    tree = grow("deepfake_eval_2024", place / "deepfake eval")
    out = judged(place, "deepfake_eval_2024", tree, "--eval-sets", "eval eval_segments")
    assert len(re.findall(r"^mel_cnn_small +\d", out, re.MULTILINE)) == 2  # a table for each
    assert "report_eval_segments.html" in out
    files, pieces = (
        result(place, "deepfake_eval_2024", name) for name in ("eval", "eval_segments")
    )
    assert files["counts"] == {"bonafide": 5, "spoof": 4, "trials": 9}
    assert pieces["counts"] == {"bonafide": 3, "spoof": 2, "trials": 5}
    assert set(files["by"]) == {"finetuning"}
