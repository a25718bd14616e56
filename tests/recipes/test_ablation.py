"""egs/ablation: its list is a whole grid, and a small one runs to its table on made-up sounds."""

import itertools
import json
import subprocess

from made_up import ROOT
from recipes import SYSTEMS, Recipe

from antispoof.data.tables import read_table
from antispoof.evaluation.matrix import learnt_on

GRID = ROOT / "egs/ablation/grid.txt"
KINDS = ("1s", "1s_mp3")


def test_the_list_is_three_architectures_by_format_by_clean_or_corrupted():
    cells = [tuple(line.split()) for line in GRID.read_text().splitlines() if line[0] != "#"]
    systems = dict.fromkeys(system for system, _ in cells)
    kinds = ("3s", "3s_mp3", "3s_corrupted", "3s_corrupted_mp3")
    assert len(cells) == 12
    assert cells == list(itertools.product(systems, kinds))
    for system in systems:
        text = (ROOT / f"egs/mini/conf/train_{system}.yaml").read_text()
        assert "epochs: " in text and "phases:" not in text  # which epochs= sets
    for step in ("mp3", "corrupted"):
        assert (ROOT / f"conf/augment_{step}.yaml").is_file()


def test_a_small_grid_runs_to_its_table_and_picture(tmp_path, made_up_corpus, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    recipe = Recipe(tmp_path / "own", made_up_corpus)
    recipe.file("conf/train_wave_cnn.yaml").write_text(SYSTEMS["wave_cnn"])
    recipe.write()
    words = f'--recipe-dir "{recipe.folder}" --corpus "{made_up_corpus}"'
    recipe.file("run.sh").write_text(f'#!/bin/bash\nexec "{ROOT}/run.sh" {words} "$@"\n')
    recipe.file("run.sh").chmod(0o755)
    words = ["--systems", "wave_cnn", "--stop-stage", "1"]
    subprocess.run([recipe.folder / "run.sh", *words], check=True, capture_output=True)
    (tmp_path / "grid.txt").write_text("".join(f"wave_cnn {kind}\n" for kind in KINDS))
    fixed = {"recipe": recipe.folder, "grid": tmp_path / "grid.txt", "out": tmp_path / "out"}
    fixed |= {"epochs": 1, "seeds": 1, "nj": 1, "device": "cpu", "bootstrap": 20}
    options = [str(word) for name, value in fixed.items() for word in (f"--{name}", value)]
    command = [ROOT / "egs/ablation/run.sh", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out/matrix.json").read_text())
    assert found["rows"] == [f"own/wave_cnn_{kind}_1" for kind in KINDS]
    assert found["columns"] == [f"own/eval_{kind}" for kind in KINDS]
    for row, column in itertools.product(found["rows"], found["columns"]):
        cell = found["cells"][row][column]
        assert cell["counts"]["trials"] == 24 and 0 <= cell["eer"] <= 1
        assert cell["shared"]["ids"]["count"] == 0 and cell["fair"]
    assert (tmp_path / "out/matrix.png").stat().st_size > 10000
    coded = recipe.folder / f"data/train_{KINDS[1]}"
    assert learnt_on(recipe.folder / f"exp/wave_cnn_{KINDS[1]}_1_seed1") == coded
    codecs = read_table(coded / "utt2codec")
    assert set(codecs.values()) == {"mp3_32k", "mp3_64k", "mp3_128k"}
    assert set(read_table(recipe.folder / "data/eval_1s/utt2dur").values()) == {"1.0000"}
