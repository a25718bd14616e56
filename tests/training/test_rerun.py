"""An experiment's own run.sh trains it again, or goes on with it, from anywhere."""

import fcntl
import os
import subprocess

import pytest
from made_up import ROOT, worker
from sounds import make_corpus, make_data

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 2
batch_size: 4
"""
NAME = "exp/it's $(touch ran) {x}_seed3"
KEPT = ("best.pt", "curve.csv", "selection.json", "config.yaml", "env.txt")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A trained experiment in a folder with blanks, and its bytes."""
    folder = tmp_path_factory.mktemp("rerun") / "ein Rezept, été"
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 12, "dev": 6}))
    (folder / "train_x.yaml").write_text(CONFIG)
    options = ["--config", "train_x.yaml", "--train", "data/train", "--dev", "data/dev"]
    more = ["--override", "optimizer_conf.lr=2e-3", "--seed", 3, NAME]
    status, _, error = worker("steps/train.py", *options, *more, cwd=folder)
    assert status == 0, error
    return folder, kept(folder)


def kept(folder):
    return {name: (folder / NAME / name).read_bytes() for name in KEPT}


def rerun(folder, *options):
    """The experiment's run.sh from somewhere else; returns (exit status, stdout, stderr)."""
    done = subprocess.run(
        [folder / NAME / "run.sh", *options],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "/elsewhere"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_whole_experiment_is_said_to_be_so(place):
    folder, before = place
    status, out, error = rerun(folder)
    assert (status, error) == (0, "")
    assert "continuing after epoch 2\n" in out
    assert "epoch 1 " not in out.partition("chosen:")[0]
    assert kept(folder) == before


def test_without_its_checkpoints_it_ends_in_the_same_bytes(place):
    folder, before = place
    for name in ("best.pt", "last.pt"):
        (folder / NAME / name).unlink()
    status, out, error = rerun(folder, "--workers", "1")
    assert status == 0, error
    assert "continuing" not in out
    assert kept(folder) == before
    assert not (folder / "ran").exists() and not os.path.exists("/ran")
    text = (folder / NAME / "run.sh").read_text()
    assert text.count(str(ROOT)) == 2 and "--workers 1" in text
    assert not list((folder / NAME).glob(".*.tmp"))


def test_without_best_alone_it_says_what_to_do(place):
    folder, before = place
    (folder / NAME / "best.pt").rename(folder / "best.pt")
    status, _, error = rerun(folder)
    assert status == 1
    assert "best.pt: is gone, and " in error and "remove last.pt too, to train again" in error
    (folder / "best.pt").rename(folder / NAME / "best.pt")
    assert rerun(folder)[0] == 0
    assert kept(folder) == before


def test_while_another_run_is_at_work_it_says_so(place):
    folder, _ = place
    rerun(folder)
    with open(folder / NAME / "log/train.log", "a") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        status, out, error = rerun(folder)
    assert (status, out) == (1, "")
    assert error.endswith("another run is at work on this; wait for it, or end it\n")


def test_a_file_system_without_locks_keeps_nobody_from_training(place, tmp_path, monkeypatch):
    folder, _ = place
    (tmp_path / "flock").write_text("#!/bin/sh\necho no locks >&2\nexit 71\n")
    (tmp_path / "flock").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    status, _, error = rerun(folder)
    assert status == 0, error
    assert "no locks" in error
