"""utils/run.py --cluster sge when tasks, daemons and launchers die, on real daemons."""

import os
import signal
import threading

from launching import begin, launch, script, wait_for
from slurm_cluster import fields

CALL = ["--cluster", "sge"]
# The first attempt waits to be disturbed; each notes that it ran.
ONCE = """echo >> ran
if [ "$(wc -l < ran)" = 1 ]; then echo $$ > .pid && mv .pid pid; sleep "${1:-60}"; fi
echo whole > .out && mv .out out"""


def began(folder):
    """The process of the first attempt, once it runs."""
    wait_for((folder / "pid").exists, 30)
    return int((folder / "pid").read_text())


def finish(process, seconds=90):
    out, error = process.communicate(timeout=seconds)
    return process.returncode, out, error


def test_a_task_that_is_gone_without_a_word_is_done_again(sge, tmp_path):
    text = f'[ "$1" != 2 ] || {{ {ONCE}; }}'.replace("${1:-60}", "60")
    work = script(tmp_path, text.replace("; }", "\n}"))
    call = [*CALL, "--slots", 2, "--done", "{job}.done", "JOB=1:2", "{job}.log", work, "{job}"]
    process = begin(tmp_path, *call)
    began(tmp_path)
    sge.call("qdel", sge.queue()[0].split()[0], "-t", "2")
    status, _, error = finish(process)
    assert (status, "submits 1 again that were lost" in error) == (0, True)
    assert (tmp_path / "ran").read_text() == "\n\n"
    assert ", attempt 2\n" in (tmp_path / "2.log").read_text()
    assert ", attempt 1\n" in (tmp_path / "1.log").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["1.done", "2.done"]


def test_a_task_of_a_node_that_crashed_is_done_again(sge, tmp_path):
    process = begin(tmp_path, *CALL, "x.log", script(tmp_path, ONCE))
    task = began(tmp_path)
    wrapper = int(fields(task)[1])
    line = [int(fields(wrapper)[1]), wrapper, task]
    sge.kill("sge_execd")
    for pid in line:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: (tmp_path / ".jobs").exists() and submitted_again(tmp_path), 60)
    sge.start_execd()
    status, _, error = finish(process)
    assert (status, "submits 1 again that were lost" in error) == (0, True), error
    assert "its node does not answer" in error
    assert (tmp_path / "ran").read_text() == "\n\n"
    assert ", attempt 2\n" in (tmp_path / "x.log").read_text()


def submitted_again(folder):
    return any('"attempt": 2' in path.read_text() for path in folder.glob(".jobs/*/tasks.json"))


def test_a_task_that_is_lost_too_often_has_failed(sge, tmp_path):
    work = script(tmp_path, "sleep 0.5; kill -9 $PPID; sleep 60")
    status, _, error = launch(tmp_path, *CALL, "--retries", 1, "x.log", work)
    assert status == 1
    assert "submits 1 again that were lost" in error
    assert "1 / 1 failed: x.log: the scheduler says GONE" in error


def test_outputs_are_right_where_only_the_shepherd_was_killed(sge, tmp_path):
    process = begin(tmp_path, *CALL, "x.log", script(tmp_path, ONCE), 6)
    task = int(fields(began(tmp_path))[1])
    os.kill(int(fields(task)[1]), signal.SIGKILL)
    assert finish(process)[0] == 0
    assert (tmp_path / "out").read_text() == "whole\n"


def master_returns(sge, seconds):
    """A thread that starts the qmaster after so many seconds."""
    timer = threading.Timer(seconds, sge.start_master)
    timer.start()
    return timer


def test_a_qmaster_that_is_away_at_submission_is_waited_for(sge, tmp_path):
    sge.kill("sge_qmaster")
    timer = master_returns(sge, 8)
    process = begin(tmp_path, *CALL, "--slots", 2, "JOB=1:2", "{job}.log", "true")
    status, _, error = finish(process)
    timer.join()
    assert (status, error.count("sge does not answer, waits for it")) == (0, 1), error
    assert "it answers again" in error


def test_a_qmaster_that_is_away_while_tasks_run_is_waited_for(sge, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; sleep 8; echo >> ran")
    process = begin(tmp_path, *CALL, "x.log", work)
    began(tmp_path)
    sge.kill("sge_qmaster")
    timer = master_returns(sge, 12)
    status, _, error = finish(process)
    timer.join()
    assert (status, error.count("waits for it")) == (0, 1), error
    assert (tmp_path / "ran").read_text() == "\n"


def test_a_launcher_that_is_ended_leaves_nothing_in_the_queue(sge, tmp_path):
    work = script(tmp_path, 'touch "began.$1"; exec sleep 60')
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        call = [*CALL, "--slots", 2, "JOB=1:4", "log/{job}.log", work, "{job}"]
        process = begin(tmp_path, *call)
        wait_for(lambda: len(list(tmp_path.glob("began.*"))) == 2, 20)
        process.send_signal(number)
        assert finish(process, 30)[0] == status
        assert sge.queue() == []
        left = sorted(path.name for path in (tmp_path / "log").iterdir())
        assert left == ["1.log", "2.log"]
        for path in tmp_path.glob("began.*"):
            path.unlink()


def test_a_launcher_that_was_killed_finds_its_running_work(sge, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; echo >> ran; sleep 6")
    call = [*CALL, "--done", "x.done", "x.log", work]
    process = begin(tmp_path, *call)
    began(tmp_path)
    process.kill()
    process.communicate()
    status, _, error = finish(begin(tmp_path, *call))
    assert (status, "waits for 1 tasks that were submitted before" in error) == (0, True)
    assert (tmp_path / "ran").read_text() == "\n"
    assert (tmp_path / "x.done").exists()


def test_a_task_whose_time_limit_comes_says_so(sge, tmp_path):
    process = begin(tmp_path, *CALL, "--time", "0:00:05", "x.log", "sleep", "200")  # a whole minute
    status, _, error = finish(process, 120)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: its time limit came; ask for more with --time\n")
