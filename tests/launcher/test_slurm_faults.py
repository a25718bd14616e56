"""utils/run.py --cluster slurm when nodes, controllers and launchers die, on real daemons."""

import os
import signal
import subprocess
import sys
import threading
import time

from launching import begin, launch, script, wait_for
from slurm_cluster import line_of

CALL = ["--cluster", "slurm"]
# The first attempt waits to be disturbed; each notes that it ran.
ONCE = """echo "$SLURMD_NODENAME" >> ran
if [ "$(wc -l < ran)" = 1 ]; then echo $$ > .pid && mv .pid pid; sleep "${1:-60}"; fi
echo whole > .out && mv .out out"""


def began(folder):
    """The process of the first attempt, once it runs."""
    wait_for((folder / "pid").exists, 20)
    return int((folder / "pid").read_text())


def finish(process, seconds=90):
    out, error = process.communicate(timeout=seconds)
    return process.returncode, out, error


def test_a_task_of_a_node_that_crashed_is_done_elsewhere_within_a_minute(slurm, tmp_path):
    process = begin(tmp_path, *CALL, "--done", "x.done", "x.log", script(tmp_path, ONCE))
    line = line_of(began(tmp_path))
    node = (tmp_path / "ran").read_text().strip()
    slurm.kill(f"slurmd-{node}")
    for pid in reversed(line):
        os.kill(pid, signal.SIGKILL)
    crashed = time.monotonic()
    status, _, error = finish(process)
    assert (status, "NODE_FAIL" in error) == (0, True)
    assert time.monotonic() - crashed < 60
    first, second = (tmp_path / "ran").read_text().split()
    assert first == node != second
    assert (tmp_path / "out").read_text() == "whole\n"
    assert ", attempt 2\n" in (tmp_path / "x.log").read_text()
    assert (tmp_path / "x.done").exists()


def test_a_task_that_is_lost_too_often_has_failed(slurm, tmp_path):
    text = "echo >> ran; kill -9 $PPID; sleep 1"
    call = [*CALL, "--retries", 1, "x.log", script(tmp_path, text)]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert "submits 1 again that were lost" in error
    assert "1 / 1 failed: x.log: the scheduler says " in error
    assert (tmp_path / "ran").read_text() == "\n\n"


def test_outputs_are_right_where_only_the_step_daemon_was_killed(slurm, tmp_path):
    process = begin(tmp_path, *CALL, "x.log", script(tmp_path, ONCE), 4)
    os.kill(line_of(began(tmp_path))[-1], signal.SIGKILL)
    assert finish(process)[0] == 0
    assert (tmp_path / "out").read_text() == "whole\n"


def controller_returns(slurm, seconds):
    """A thread that starts the controller after so many seconds."""
    timer = threading.Timer(seconds, slurm.start_controller)
    timer.start()
    return timer


def test_a_controller_that_is_away_at_submission_is_waited_for(slurm, tmp_path):
    slurm.kill("slurmctld")
    timer = controller_returns(slurm, 15)
    process = begin(tmp_path, *CALL, "--slots", 2, "JOB=1:2", "{job}.log", "true")
    status, _, error = finish(process)
    timer.join()
    assert (status, error.count("slurm does not answer, waits for it")) == (0, 1)
    assert "it answers again" in error


def test_a_controller_that_is_away_while_tasks_run_is_waited_for(slurm, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; sleep 12; echo >> ran")
    process = begin(tmp_path, *CALL, "x.log", work)
    began(tmp_path)
    slurm.kill("slurmctld")
    timer = controller_returns(slurm, 15)
    status, _, error = finish(process)
    timer.join()
    assert (status, error.count("waits for it")) == (0, 1)
    assert (tmp_path / "ran").read_text() == "\n"


def test_a_launcher_that_is_ended_leaves_nothing_in_the_queue(slurm, tmp_path):
    work = script(tmp_path, 'touch "began.$1"; exec sleep 60')
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        call = [*CALL, "--slots", 2, "JOB=1:4", "log/{job}.log", work, "{job}"]
        process = begin(tmp_path, *call)
        wait_for(lambda: len(list(tmp_path.glob("began.*"))) == 2, 20)
        process.send_signal(number)
        ended, _, error = finish(process, 30)
        assert ended == status, error
        assert slurm.queue() == []
        left = sorted(path.name for path in (tmp_path / "log").iterdir())
        assert left == ["1.log", "2.log"]
        for path in tmp_path.glob("began.*"):
            path.unlink()


def kill_launcher(process):
    process.kill()
    process.communicate()


def test_a_launcher_that_was_killed_finds_its_running_work(slurm, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; echo >> ran; sleep 6")
    call = [*CALL, "--done", "x.done", "x.log", work]
    process = begin(tmp_path, *call)
    began(tmp_path)
    assert "another run is at work on this" in launch(tmp_path, *call)[2]
    kill_launcher(process)
    status, _, error = finish(begin(tmp_path, *call))
    assert (status, "waits for 1 tasks that were submitted before" in error) == (0, True)
    assert (tmp_path / "ran").read_text() == "\n"
    assert (tmp_path / "x.done").exists()
    assert slurm.queue() == []


def test_running_work_that_is_meant_otherwise_is_cancelled_and_made_again(slurm, tmp_path):
    text = 'echo "$SLURM_JOB_ID" >> ran\necho $$ > .pid && mv .pid pid\nsleep "$(cat input)"'
    work = script(tmp_path, text)
    (tmp_path / "input").write_text("60")
    call = [*CALL, "--done", "x.done", "--from", "input", "x.log", work]
    process = begin(tmp_path, *call)
    pid = began(tmp_path)
    kill_launcher(process)
    (tmp_path / "input").write_text("0")
    assert finish(begin(tmp_path, *call), 40)[0] == 0
    assert not os.path.exists(f"/proc/{pid}")
    assert len(set((tmp_path / "ran").read_text().split())) == 2
    assert slurm.queue() == []


def test_a_task_whose_time_limit_comes_says_so(slurm, tmp_path):
    call = [*CALL, "--time", "0:00:05", "x.log", "sleep", "200"]  # Slurm counts whole minutes
    status, _, error = finish(begin(tmp_path, *call), 120)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: its time limit came; ask for more with --time\n")


def test_a_launcher_that_ends_with_its_parent_cancels_too(slurm, tmp_path):
    work = script(tmp_path, "touch began; exec sleep 60")
    text = "import os, subprocess, sys\nsubprocess.Popen([*sys.argv[1:3], '--parent', "
    text += "str(os.getpid()), *sys.argv[3:]])\nimport time\ntime.sleep(60)\n"
    run = os.path.join(os.environ["PYTHONPATH"], "utils/run.py")
    call = [sys.executable, "-c", text, sys.executable, run, *CALL, "x.log", work]
    parent = subprocess.Popen(call, cwd=tmp_path)
    wait_for((tmp_path / "began").exists, 20)
    parent.kill()
    parent.wait()
    wait_for(lambda: slurm.queue() == [], 20)
