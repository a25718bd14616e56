"""egs/cross_corpus, whole: scores what has no scores, says what is shared, draws the table."""

import json
import shutil
import subprocess

import pytest
from made_up import ROOT
from miniature import Tree, grow, sources

MODEL = "mel_cnn_small_seed1"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the recipes, whose model is trained and whose sets are prepared."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in ("custom", "in_the_wild", "cross_corpus"):
        shutil.copytree(
            ROOT / "egs" / name,
            folder / "egs" / name,
            ignore=shutil.ignore_patterns("data", "exp", "dump"),
        )
    for name in ("steps", "utils", "tools", "antispoof", "path.sh"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "run.sh").write_text(f'#!/usr/bin/env bash\nexec "{ROOT}/run.sh" "$@"\n')
    (folder / "run.sh").chmod(0o755)
    sources()
    tree = Tree(folder / "my sounds")
    for name, count in (("train", 8), ("dev", 6), ("eval", 6)):
        for number in range(count):
            tree.sound(f"{name}/bonafide/{number}.wav")
            tree.sound(f"{name}/spoof/A0{number % 2}/{number}.wav", "spoof")
    small = ["--override", "epochs=1 batch_size=8", "--tag", "small", "--seeds", "1"]
    run(folder, "custom", "--corpus", tree.root, "--device", "cpu", "--stop-stage", "3", *small)
    wild = grow("in_the_wild", folder / "release_in_the_wild")
    model = ["--model-from", folder / "egs/custom/exp" / MODEL]
    partial = ["--stop-stage", "1", "--local-options", "--allow-partial"]
    run(folder, "in_the_wild", "--corpus", wild.root, *model, *partial)
    data = folder / "egs/custom/data"
    shutil.copytree(data / "train", data / "eval_learnt")
    return folder


def run(place, recipe, *words):
    command = [place / "egs" / recipe / "run.sh", *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_is_scored_on_every_set_and_what_it_has_learnt_is_marked(place, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(place / "cache"))
    data = place / "egs/custom/data"
    sets = [data / "eval", data / "eval_learnt", place / "egs/in_the_wild/data/eval"]
    words = ["--sets", " ".join(str(path).replace(str(place), "../..") for path in sets)]
    monkeypatch.chdir(place / "egs/custom")
    out = run(place, "cross_corpus", *words, "--bootstrap", "20")
    assert out.count("== custom_mel_cnn_small_seed1 on ") == 3
    again = run(place, "cross_corpus", *words, "--bootstrap", "20")
    assert "== " not in again  # nothing is missing now
    assert again.partition("training set")[2] == out.partition("training set")[2]
    found = json.loads((place / "egs/cross_corpus/exp/matrix.json").read_text())
    assert found["rows"] == ["custom/mel_cnn_small"]
    cells = found["cells"]["custom/mel_cnn_small"]
    assert list(cells) == ["custom/eval", "custom/eval_learnt", "in_the_wild/eval"]
    assert {name: cell["counts"]["trials"] for name, cell in cells.items()} == {
        "custom/eval": 12,
        "custom/eval_learnt": 16,
        "in_the_wild/eval": 12,
    }
    assert cells["custom/eval_learnt"]["marks"] == ["ids", "sounds"]  # no speaker is known
    assert not cells["custom/eval_learnt"]["fair"]
    assert cells["custom/eval_learnt"]["shared"]["sounds"]["count"] == 16
    assert (place / "egs/cross_corpus/exp/matrix.png").stat().st_size > 10000
    where = place / "egs/in_the_wild/exp/custom_mel_cnn_small_seed1/eval/scores"
    assert cells["in_the_wild/eval"]["seeds"][0]["scores"].endswith(
        str(where.relative_to(place / "egs"))
    )
