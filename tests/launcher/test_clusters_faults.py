"""utils/run.py on real schedulers when tasks, nodes, controllers and launchers die."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from launching import (
    ONCE,
    began,
    begin,
    finish,
    kill_launcher,
    launch,
    script,
    settings,
    wait_for,
)

SEEN = {  # what is said of a node that died
    "slurm": "the scheduler says NODE_FAIL",
    "sge": "its node does not answer",
}


def submitted_again(folder):
    return any('"attempt": 2' in path.read_text() for path in folder.glob(".jobs/*/tasks.json"))


def test_a_task_of_a_node_that_crashed_is_done_elsewhere_within_a_minute(cluster, tmp_path):
    call = ["--cluster", cluster.name, "--done", "x.done", "x.log", script(tmp_path, ONCE)]
    process = begin(tmp_path, *call)
    cluster.crash(began(tmp_path))
    crashed = time.monotonic()
    wait_for(lambda: submitted_again(tmp_path), 60)
    cluster.replace_node()
    status, _, error = finish(process)
    assert (status, SEEN[cluster.name] in error) == (0, True), error
    assert "submits 1 again that were lost" in error
    assert time.monotonic() - crashed < 60
    ran = (tmp_path / "ran").read_text().split()
    assert (len(ran), len(set(ran))) == (2, min(2, cluster.nodes))
    assert (tmp_path / "out").read_text() == "whole\n"
    assert ", attempt 2\n" in (tmp_path / "x.log").read_text()
    assert (tmp_path / "x.done").exists()


def test_a_task_that_is_lost_too_often_has_failed(cluster, tmp_path):
    work = script(tmp_path, "echo >> ran; sleep 0.5; kill -9 $PPID; sleep 1")
    call = [*settings(tmp_path, cluster, "late: 1"), "--retries", 1, "x.log", work]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert "submits 1 again that were lost" in error
    said = {"slurm": "FAILED (JobLaunchFailure)", "sge": "GONE"}[cluster.name]
    assert f"1 / 1 failed: x.log: the scheduler says {said}" in error
    assert (tmp_path / "ran").read_text() == "\n\n"


def test_a_task_that_somebody_cancels_has_failed(cluster, tmp_path):
    work = script(tmp_path, '[ "$1" = 1 ] || { touch began; exec sleep 60; }')
    call = [*settings(tmp_path, cluster, "late: 1"), "--slots", 2, "JOB=1:2", "{job}.log"]
    process = begin(tmp_path, *call, work, "{job}")
    wait_for((tmp_path / "began").exists, 30)
    cluster.delete(2)
    status, _, error = finish(process, 30)
    assert status == 1
    assert error.startswith("1 / 2 failed: 2.log: somebody cancelled it\n")


def test_outputs_are_right_where_only_the_keeper_of_a_task_was_killed(cluster, tmp_path):
    call = ["--cluster", cluster.name, "x.log", script(tmp_path, ONCE), 4]
    process = begin(tmp_path, *call)
    os.kill(cluster.line(began(tmp_path))[-1], signal.SIGKILL)
    assert finish(process)[0] == 0
    assert (tmp_path / "out").read_text() == "whole\n"


def test_a_controller_that_is_away_at_submission_or_while_tasks_run_is_waited_for(
    cluster, tmp_path
):
    running, waiting = tmp_path / "running", tmp_path / "waiting"
    running.mkdir()
    waiting.mkdir()
    work = script(running, "echo $$ > .pid && mv .pid pid; sleep 12; echo >> ran")
    first = begin(running, "--cluster", cluster.name, "x.log", work)
    began(running)
    cluster.kill(cluster.controller)
    timer = threading.Timer(cluster.outage, cluster.start_controller)
    timer.start()
    call = ["--cluster", cluster.name, "--slots", 2, "JOB=1:2", "{job}.log", "true"]
    second = begin(waiting, *call)
    for process in (first, second):
        status, _, error = finish(process)
        said = f"{cluster.name} does not answer, waits for it"
        assert (status, error.count(said), error.count("waits for it")) == (0, 1, 1), error
    timer.join()
    assert "it answers again" in error
    assert (running / "ran").read_text() == "\n"


def test_a_launcher_that_is_ended_leaves_nothing_in_the_queue(cluster, tmp_path):
    work = script(tmp_path, 'touch "began.$1"; exec sleep 60')
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        call = ["--cluster", cluster.name, "--slots", 2, "JOB=1:4", "log/{job}.log"]
        process = begin(tmp_path, *call, work, "{job}")
        wait_for(lambda: len(list(tmp_path.glob("began.*"))) == 2, 20)
        process.send_signal(number)
        ended, _, error = finish(process, 30)
        assert ended == status, error
        assert cluster.queue() == []
        left = sorted(path.name for path in (tmp_path / "log").iterdir())
        assert left == ["1.log", "2.log"]
        for path in tmp_path.glob("began.*"):
            path.unlink()


def test_a_launcher_that_was_killed_finds_its_running_work(cluster, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; echo >> ran; sleep 4")
    call = ["--cluster", cluster.name, "--done", "x.done", "x.log", work]
    process = begin(tmp_path, *call)
    began(tmp_path)
    assert "another run is at work on this" in launch(tmp_path, *call)[2]
    kill_launcher(process)
    status, _, error = finish(begin(tmp_path, *call))
    assert (status, "waits for 1 tasks that were submitted before" in error) == (0, True)
    assert (tmp_path / "ran").read_text() == "\n"
    assert (tmp_path / "x.done").exists()
    assert cluster.left() == []


def test_a_launcher_that_is_killed_while_it_submits_submits_nothing_twice(cluster, tmp_path):
    work = script(tmp_path, "echo >> ran; sleep 3")
    call = ["--cluster", cluster.name, "--done", "x.done", "x.log", work]
    with cluster.standing_still():
        process = begin(tmp_path, *call)
        wait_for(lambda: Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(), 30)
        time.sleep(1)
        kill_launcher(process)
        process = begin(tmp_path, *call)
        time.sleep(2)
    status, _, error = finish(process)
    assert (status, "waits for 1 tasks that were submitted before" in error) == (0, True), error
    assert (tmp_path / "ran").read_text() == "\n"
    assert (tmp_path / "x.done").exists()
    assert cluster.left() == []


def test_running_work_that_is_meant_otherwise_is_cancelled_and_made_again(cluster, tmp_path):
    text = 'echo "$SLURM_JOB_ID$JOB_ID" >> ran\necho $$ > .pid && mv .pid pid\nsleep "$(cat input)"'
    (tmp_path / "input").write_text("60")
    call = ["--cluster", cluster.name, "--done", "x.done", "--from", "input", "x.log"]
    call += [script(tmp_path, text)]
    process = begin(tmp_path, *call)
    pid = began(tmp_path)
    kill_launcher(process)
    (tmp_path / "input").write_text("0")
    assert finish(begin(tmp_path, *call), 40)[0] == 0
    assert not os.path.exists(f"/proc/{pid}")
    assert len(set((tmp_path / "ran").read_text().split())) == 2
    assert cluster.left() == []


def test_a_launcher_that_ends_with_its_parent_cancels_too(cluster, tmp_path):
    work = script(tmp_path, "touch began; exec sleep 60")
    text = "import os, subprocess, sys\nsubprocess.Popen([*sys.argv[1:3], '--parent', "
    text += "str(os.getpid()), *sys.argv[3:]])\nimport time\ntime.sleep(60)\n"
    run = os.path.join(os.environ["PYTHONPATH"], "utils/run.py")
    call = [sys.executable, "-c", text, sys.executable, run, "--cluster", cluster.name]
    parent = subprocess.Popen([*call, "x.log", work], cwd=tmp_path)
    wait_for((tmp_path / "began").exists, 20)
    parent.kill()
    parent.wait()
    wait_for(lambda: cluster.queue() == [], 20)
