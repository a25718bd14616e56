"""Trainings on clusters: on two nodes, on a node that dies, under time limits; on real daemons."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from launching import RUN, wait_for
from made_up import ROOT
from sounds import make_corpus, make_data

from antispoof.report.figures import read_curve
from antispoof.torch_utils.checkpoint import load_checkpoint

# As in tests/training/test_team.py: SGD, which keeps the noise of rounding as small as it is.
CONFIG = """
feats: wave
model: mel_vit
model_conf: {dim: 16, depth: 1, heads: 2, dropout: 0.0}
crop: {train: random, test: full, seconds: 0.5, pad: tile}
epochs: 3
batch_size: 8
optimizer: sgd
optimizer_conf: {lr: 0.05, momentum: 0.5}
select: {metric: dev_loss, ema: 0.9}
"""
# steps/train.py; in each attempt, only $MOST epochs come to their end in time.
TRAIN = f"""#!{sys.executable}
import importlib.util, os, time
from antispoof.training.trainer import Record
write, begun = Record.write_epoch, []
def write_in_time(*args):
    begun.append(args)
    while len(begun) > int(os.environ.get("MOST", 99)):
        time.sleep(1)
    write(*args)
Record.write_epoch = write_in_time
spec = importlib.util.spec_from_file_location("train", {str(ROOT / "steps/train.py")!r})
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
worker.main()
"""
KEPT = ("best.pt", "curve.csv", "selection.json", "config.yaml")
SLURM = ("--cluster", "slurm")
TWO = {"nodes": 2, "options": ("--processes", "2x1")}
PATIENCE = 300  # seconds: torch alone takes long to start on a busy machine


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with sets, a config and the worker; what was trained there stays."""
    folder = tmp_path_factory.mktemp("nodes") / "ein Rezept"
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 19, "dev": 7}))
    (folder / "conf/cluster").mkdir(parents=True)
    (folder / "conf/train_x.yaml").write_text(CONFIG)
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.py").chmod(0o755)
    return folder


def words(exp, *options):
    sets = ("--train", "data/train", "--dev", "data/dev", "--seed", "1", "--device", "cpu")
    return ["./train.py", "--config", "conf/train_x.yaml", *sets, *options, exp]


@pytest.fixture(scope="module")
def alone(place):
    """The seconds that one process takes here for exp/one."""
    started = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(words("exp/one"), cwd=place, env=environment, check=True)
    return time.monotonic() - started


def begin(place, exp, *cluster, options=(), nodes=1, most=99):
    """The launcher of a queue that trains `exp`; returns the process."""
    task = {"words": words(f"{exp}/", *options), "resumes": True, "nodes": nodes}
    process = subprocess.Popen(
        [*RUN, "--queue", *map(str, cluster)],
        cwd=place,
        env={**os.environ, "MOST": str(most)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process, place, exp):
    """(exit status, what the launcher said, the log)."""
    error = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, error, (place / exp / "log/train.log").read_text()


@pytest.fixture(scope="module")
def two(place, daemons):
    """exp/two, trained on two nodes with a process on each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in daemons("slurm").environment.items():
            patch.setenv(name, value)
        process = begin(place, "exp/two", *SLURM, **TWO)
        status, error, log = finish(process, place, "exp/two")
    assert status == 0, (error, log)
    return "exp/two"


def require_the_same(place, one, other):
    for name in KEPT:
        assert (place / one / name).read_bytes() == (place / other / name).read_bytes(), name


def test_two_nodes_learn_what_one_process_does(slurm, place, alone, two):
    curves = [read_curve(place / name / "curve.csv") for name in ("exp/one", two)]
    assert list(curves[0]) == list(curves[1])
    for column, values in curves[0].items():
        np.testing.assert_allclose(curves[1][column], values, rtol=1e-5, atol=2e-6, err_msg=column)
    states = [load_checkpoint(place / name / "best.pt")["model"] for name in ("exp/one", two)]
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(states[1][name], value, rtol=1e-4, atol=2e-6, msg=name)
    assert "--nproc_per_node 2 " in (place / two / "run.sh").read_text()
    log = (place / two / "log/train.log").read_text()
    assert log.count("chosen: ") == 1 and ", attempt 2\n" not in log


def epochs(place, exp):
    """How many are done."""
    path = place / exp / "curve.csv"
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


def processes():
    """(name, number, environment) of each process of this machine that can be looked at."""
    for found in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            said = (found / "environ").read_bytes().decode().split("\0")
            yield (found / "comm").read_text().strip(), int(found.name), said


def process_on(node, slurm):
    """The process that trains on the node of this number in this cluster."""
    own = {f"SLURM_CONF={slurm.environment['SLURM_CONF']}", f"SLURM_NODEID={node}"}
    for _, found, said in processes():
        if own <= set(said) and any(word.startswith("RANK=") for word in said):
            return found
    raise AssertionError(f"nothing trains on node {node}")


def sruns(slurm):
    """The processes of srun in this cluster."""
    own = f"SLURM_CONF={slurm.environment['SLURM_CONF']}"
    return [found for name, found, said in processes() if name == "srun" and own in said]


def test_a_node_dies_and_then_the_time_limit_comes_and_the_bytes_are_the_same(slurm, place, two):
    process = begin(place, "exp/hurt", *SLURM, **TWO, most=1)
    wait_for(lambda: epochs(place, "exp/hurt") == 1, PATIENCE)
    slurm.crash(process_on(1, slurm))
    for pid in sruns(slurm):  # it waits for Slurm to notice; here, it gives up before
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: epochs(place, "exp/hurt") == 2 or process.poll() is not None, PATIENCE)
    assert process.poll() is None, process.communicate()
    job = slurm.call("squeue", "-h", "-t", "R", "-o", "%A").strip()
    slurm.call("scontrol", "update", f"JobId={job}", "EndTime=now+1")  # Slurm looks every 30 s
    status, error, log = finish(process, place, "exp/hurt")
    said = [line for line in error.splitlines() if line.startswith("  cluster: submits ")]
    assert (status, len(said)) == (0, 2), (error, log)
    assert said[0].startswith("  cluster: submits 1 again: the scheduler says NODE_FAIL")
    assert said[0].endswith("; it goes on from exp/hurt/last.pt")
    limit = "its time limit came; it goes on from exp/hurt/last.pt"
    assert said[1] == f"  cluster: submits 1 again: {limit}"
    assert [f"continuing after epoch {n}\n" in log for n in (1, 2)] == [True, True]
    assert ", attempt 3\n" in log
    require_the_same(place, "exp/hurt", two)


def limited(place, seconds):
    """The options of a Grid Engine that ends each task after so many seconds."""
    path = place / "conf/cluster/limited.yaml"
    path.write_text(
        f'base: sge.yaml\nflags: ["-l", "s_rt={seconds},h_rt={seconds + 20}"]\npoll: {{least: 1}}\n'
    )
    return ["--cluster", "limited"]


def test_a_training_that_needs_three_time_limits_finishes_by_itself(sge, place, alone):
    options = [*limited(place, int(3 + 1.5 * alone)), "--retries", 30]  # where the machine is busy
    process = begin(place, "exp/limited", *options, most=1)
    status, error, log = finish(process, place, "exp/limited")
    assert status == 0, (error, log)
    said = "submits 1 again: its time limit came; it goes on from exp/limited/last.pt"
    assert error.count(said) >= 2, error
    assert [f"continuing after epoch {n}\n" in log for n in (1, 2)] == [True, True]
    require_the_same(place, "exp/limited", "exp/one")


def test_a_training_that_gets_nowhere_in_its_time_fails_with_the_reason(sge, place):
    process = begin(place, "exp/stuck", *limited(place, 3), "--retries", 1, most=0)
    status, error, log = finish(process, place, "exp/stuck")
    reason = (
        "its time limit came; ask for more with defaults.time of conf/cluster/NAME.yaml, or --time "
        "of utils/run.py; exp/stuck/last.pt is no newer than before"
    )
    lines = error.splitlines()
    assert status == 1
    assert f"  cluster: submits 1 again: {reason}" in lines, error
    first = f"1 / 1 failed: exp/stuck/log/train.log: {reason} in 2 attempts"
    assert first in lines, error
    assert ", attempt 2\n" in log and ", attempt 3\n" not in log
