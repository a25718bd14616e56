"""A recipe whose processes are killed at random moments ends in the results of a calm run.

benchmarks/chaos.py does the same for longer, and for other recipes. utils/status.py is
asked all along, and must answer.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from launching import wait_for
from looking import assert_it_was_seen, looking
from made_up import ROOT

from antispoof.launcher.kept import born
from benchmarks.chaos import left_in_the_queue, run, small
from benchmarks.killing import Chaos, Round

ROUNDS, SEED = 3, 3
ONE = ("--systems", "wave_cnn", "--nj", "2")  # the last of an option counts


@pytest.fixture(scope="module")
def calm(tmp_path_factory, made_up_corpus):
    """A run that nobody kills, and what utils/status.py showed of it."""
    folder = tmp_path_factory.mktemp("calm").resolve() / "a recipe"
    found = Chaos(folder, small(folder, made_up_corpus, *ONE), {})
    with looking(folder) as seen:
        faults, found.seconds = found.finish()
    assert faults == []
    return found, seen


def test_a_run_is_seen_from_its_first_queue_to_its_end(calm):
    found, seen = calm
    assert_it_was_seen(found.folder, seen)


def test_a_run_that_is_killed_at_random_moments_ends_in_the_same_results(
    calm, made_up_corpus, tmp_path
):
    whole, _ = calm
    folder = tmp_path.resolve() / "a recipe"
    killed = Chaos(folder, small(folder, made_up_corpus, *ONE), whole.seconds)
    wanted = whole.outputs()
    assert [name for name in wanted if name.endswith("result.json")]
    assert run(killed, wanted, ROUNDS, SEED) == []


def test_a_run_on_slurm_goes_on_where_a_node_crashes_and_ends_in_the_same_results(
    calm, slurm, made_up_corpus, tmp_path
):
    whole, _ = calm
    folder = tmp_path.resolve() / "a recipe"
    shutil.copytree(whole.folder / "data", folder / "data")
    killed = Chaos(folder, small(folder, made_up_corpus, *ONE), whole.seconds, slurm)
    assert killed.round(Round(3), 0.1, "node", 0.5).faults == []
    # "that were lost", or, where an epoch was over by then, from what it goes on
    assert "  cluster: submits 1 again" in killed.out.read_text()
    assert killed.finish()[0] == []
    assert killed.outputs() == whole.outputs()
    assert left_in_the_queue(killed) == []


def test_who_looks_at_a_recipe_is_no_victim(tmp_path):
    folder, queue = tmp_path.resolve(), tmp_path / "exp/log/queue/1.jsonl"
    queue.parent.mkdir(parents=True)
    run = {"host": os.uname().nodename, "pid": os.getpid(), "born": born(os.getpid())}
    stage = {"stage": 1, "of": 6, "what": "data", "started": 0.0, "slots": 1}
    task = {"words": ["x", "y"], "gpu": 0, "shares": 1, "renew": False, "todo": True}
    queue.write_text(f"{json.dumps({**run, **stage})}\n{json.dumps(task)}\n")
    call = [sys.executable, str(ROOT / "utils/status.py"), str(folder), "--watch"]
    watch = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    wait_for(lambda: os.readlink(f"/proc/{watch.pid}/cwd") == str(folder), 60)
    assert Chaos(folder, [], {}).processes(watch.pid) == {}
    assert watch.poll() is None
    watch.terminate()
    watch.wait()
