"""Names and places that look like the launcher's own words, and which jobs get a GPU."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from laws import house, of, record, refusal
from made_up import ROOT
from recipes import Recipe, only, succeed
from tree import tracked

SHOW = """
import json, sys
with open("seen", "w") as stream:
    json.dump(sys.argv[1:], stream)
sys.exit(1)
"""
ODD = ("NJ", "SEED SLOTS", "{seed}", "{slots}/{{x", "a}b", "}{", "it's $HOME")
ODD += ("back\\slash", "two\nlines")


@pytest.fixture
def place(tmp_path):
    return house(tmp_path / "house")


@pytest.mark.parametrize("name", ODD)
def test_a_corpus_may_lie_at_any_place(place, name):
    """The launcher is the real one: its job shows what it was given."""
    (place / "local").mkdir()
    (place / "local/prepare_data.py").write_text(SHOW)
    path = f"/corpora/{name}/x"
    command = [ROOT / "run.sh", "--recipe-dir", place, "--systems", "wave", "--stop-stage", "1"]
    command += ["--corpus", path, "--nj", "3"]
    command += ["--local-options", "--list {x} {slots}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    seen = json.loads((place / "seen").read_text())
    words = ["--nj", "3", "--corpus", path, "--list", "{x}"]
    assert seen == [*words, "{slots}", "--out", "data"]


def test_overrides_and_options_of_training_reach_it_as_they_are_written(place):
    own = ["init_from=exp/{seed}", "model_conf={dim:{x:3}}"]
    call = ["--systems", "wave", "--tag", "SEED_Ab", "--override", " ".join(own), "--stage", 3]
    launched, *_ = record(place, *call, "--train-options", "--workers {slots}", "--stop-stage", 3)
    (train,) = of(launched, "steps/train.py")
    assert "exp/1/best.pt" in train.reads
    assert "--override init_from=exp/{seed} --override model_conf={dim:{x:3}} " in train.command
    assert "--start exp/1/best.pt " in train.command
    assert train.command.endswith(" --workers {slots} exp/wave_SEED_Ab_seed1")


@pytest.mark.parametrize("name", ["a{seed}", "{system}", "a,b", "a=b", "../cached", "-x"])
def test_a_system_has_a_plain_name(place, name):
    assert f"--systems: '{name}' is no name; wanted that of" in refusal(place, "--systems", name)


@pytest.mark.parametrize(("device", "each"), [("auto", (1, 2)), ("cuda", (1, 2)), ("cpu", (0, 0))])
def test_jobs_that_may_use_a_gpu_ask_for_their_own(place, device, each):
    call = ["--systems", "cached", "--device", device, "--train-options", "--processes 2"]
    launched, *_ = record(place, *call)
    asked = {}
    for job in launched:
        program = next(w for w in job.command.split() if w.endswith(".py"))
        asked.setdefault(Path(program).stem, set()).add(job.gpu)
    one, two = each
    own = {"extract_ssl": {one}, "score": {one}, "train": {two}, "novelty": {one}}
    assert asked == {name: own.get(name, {0}) for name in asked}
    assert own.keys() < asked.keys()


@pytest.mark.parametrize(
    ("options", "gpus"),
    [("", 1), ("--processes 3 --keep-epochs", 3), ("--keep-epochs --processes=12", 12)],
)
def test_a_training_has_a_gpu_for_each_of_its_processes(place, options, gpus):
    call = ["--systems", "wave", "--stage", 3, "--stop-stage", 3]
    (train,) = record(place, *call, "--train-options", options)[0]
    assert train.gpu == gpus


@pytest.mark.parametrize("device", ["cuda:1", "gpu", ""])
def test_a_device_is_no_number_of_a_gpu(place, device):
    said = refusal(place, "--systems", "cached", "--device", device)
    assert f"--device '{device}': wanted auto, cpu or cuda; CUDA_VISIBLE_DEVICES chooses" in said


def test_a_clone_in_a_folder_with_blanks_ends_in_a_report(undisturbed, tmp_path):
    recipe, _ = undisturbed
    clone = tmp_path / "my clone {x} of it's"
    for path in tracked():
        (clone / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, clone / path.relative_to(ROOT))
    (clone / "tools/venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / "tools/.done", clone / "tools/.done")
    shutil.copytree(recipe.folder, clone / "egs/own recipe")
    copy = Recipe(clone / "egs/own recipe", recipe.corpus)
    shutil.rmtree(copy.folder / "steps")  # which name the repository of the tests
    for stage in range(3, 7):
        command = [clone / "run.sh", *copy.command(*only(stage), "--tag", "new")[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        out = succeed((done.returncode, done.stdout, done.stderr))
        assert "skip: " not in out
    assert (copy.folder / "exp/report.html").exists()
    rested = (copy.folder / "exp/rank.json.done").read_text()
    assert f"  {clone}/conf/rank.yaml\n" in rested
