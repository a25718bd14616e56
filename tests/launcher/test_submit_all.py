"""run.sh --submit-all: every stage in the queue of a real scheduler at once, one by one."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from laws import house
from made_up import ROOT

# Stands for every worker: notes its own name in order, and makes what its last word names.
WORKER = """
import pathlib, sys
name = pathlib.Path(sys.argv[0]).stem
print("this is", name)
if pathlib.Path(name + ".fails").exists():
    sys.exit(3)
with open("order", "a") as stream:
    stream.write(name + "\\n")
out = pathlib.Path(sys.argv[-1])
tables = ("wav.scp", "utt2dur", "utt2label", "scores", "best.pt", "utt2sum")
if name == "prepare_data":
    for table in tables[:3]:
        for data in ("train", "dev", "eval"):
            (out / data).mkdir(parents=True, exist_ok=True)
            (out / data / table).write_text("")
elif name == "train":
    (out / "best.pt").write_text("")
else:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.is_dir() or out.write_text("")
"""
WORKERS = ("local/prepare_data", "utils/validate_data_dir")
WORKERS += tuple(f"steps/{name}" for name in ("train", "score", "calibrate", "fuse", "novelty"))
ORDER = ["prepare_data", *["validate_data_dir"] * 3, "train", *["score"] * 2]
ORDER += ["calibrate", "fuse", "novelty"]


@pytest.fixture(params=["slurm", "sge"])
def cluster(request):
    """The name of a scheduler whose daemons run."""
    request.getfixturevalue(request.param)
    return request.param


@pytest.fixture
def place(cluster, tmp_path):
    folder = house(tmp_path / "a house")
    for name in WORKERS:
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(WORKER)
    (folder / "conf/cluster").mkdir()
    text = f"base: {cluster}.yaml\npoll: {{files: 0.2, least: 1, most: 1}}\n"
    (folder / "conf/cluster/quick.yaml").write_text(text)
    return folder


def submit(place, *options):
    command = [ROOT / "run.sh", "--recipe-dir", place, "--systems", "wave", "--device", "cpu"]
    command += ["--cluster", "quick", "--submit-all", "--stop-stage", "5", *options]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=60, env=os.environ
    )
    return done.returncode, done.stdout, done.stderr


def wait(what, seconds=120):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)


def ended(place, stage):
    """The exit status of the job of a stage; None before it ended."""
    folder = json.loads((place / "exp/log/stages/jobs.json").read_text())[str(stage)]["folder"]
    path = Path(folder, "1.json")
    return json.loads(path.read_text())["status"] if path.exists() else None


def order(place):
    """What ran; three workers of the last stage run side by side."""
    found = (place / "order").read_text().split()
    return found[:-3] + sorted(found[-3:])


def log(place, stage):
    path = place / f"exp/log/stages/stage{stage}.log"
    return path.read_text() if path.exists() else ""


def test_every_stage_runs_after_the_one_before_it_while_nobody_waits(place):
    status, out, error = submit(place)
    assert (status, error) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [f"stage {n}" for n in range(1, 6)]
    again, _, said = submit(place)
    assert again == 1
    assert "jobs.json: stage " in said
    assert "is in the queue still, as job " in said
    wait(lambda: ended(place, 5) is not None)
    assert [ended(place, stage) for stage in range(1, 6)] == [0] * 5
    assert order(place) == ORDER
    assert "== Stage 3: train\n$ steps/train.py " in log(place, 3)
    assert [log(place, stage).count("== Stage") for stage in range(1, 6)] == [1] * 5
    assert (place / "exp/wave_seed1/.done").exists()
    wait(lambda: submit(place, "--stage", "4")[0] == 0)  # once the queue has let stage 5 go
    wait(lambda: ended(place, 5) is not None)
    assert "skip: steps/fuse.py" in log(place, 5)


def test_a_stage_that_fails_takes_those_behind_it_out_of_the_queue_and_says_so(place):
    (place / "train.fails").touch()
    assert submit(place)[0] == 0
    wait(lambda: "cancelled stage" in log(place, 3))
    assert "1 / 1 failed: exp/wave_seed1/log/train.log" in log(place, 3)
    assert "stage 3 failed: cancelled stage 4, 5\n" in log(place, 3)
    wait(lambda: ended(place, 3) is not None)
    assert ended(place, 3) not in (0, None)
    (place / "train.fails").unlink()
    until = time.monotonic() + 20
    while submit(place, "--stage", "3")[0]:  # as soon as they have left the queue
        assert time.monotonic() < until
        time.sleep(0.5)
    wait(lambda: ended(place, 5) is not None)
    assert order(place) == ORDER
