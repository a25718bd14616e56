"""utils/status.py: what is seen of a recipe from files alone, in each state of a job."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from launching import RUN, script, wait_for
from made_up import ROOT
from test_queue import task

STATUS = [sys.executable, str(ROOT / "utils/status.py")]
STAGE = ("--stage", "3 of 6: train")
# A worker: its first word says what it does.
WORK = """
case $1 in
  fail) echo "no such thing"; exit 3 ;;
  hold) printf 'epoch 2 of 4, 90 s left' >"$ANTISPOOF_PROGRESS"; touch "$2.held"
    while [ -e "$2.held" ]; do sleep 0.02; done ;;
esac
touch "$2"
"""


def status(folder, *options):
    """(exit status, stdout, stderr) of utils/status.py."""
    call = [*STATUS, str(folder), *options]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def shown(folder, *options):
    code, out, error = status(folder, *options)
    assert (code, error) == (0, "")
    return out


def row(out, stage):
    """{column: cell} of the row of a stage."""
    lines = out.splitlines()
    head = next(line for line in lines if line.startswith("stage "))
    line = next(line for line in lines if line.startswith(f"{stage} "))
    found, end = {}, len(head.partition(" jobs")[0])
    for column in ("jobs", "done", "running", "waiting", "failed", "stopped"):
        start, end = end, head.index(f" {column}") + len(column) + 1
        found[column] = line[start:end].strip()
    return {**found, "time": line[end:].strip()}


def begin(folder, *tasks, slots=1, stage=STAGE):
    """The launcher of a queue, in a process group of its own."""
    process = subprocess.Popen(
        [*RUN, "--queue", *stage, "--slots", str(slots)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        text=True,
        start_new_session=True,
    )
    process.stdin.write("".join(json.dumps(each) + "\n" for each in tasks))
    process.stdin.close()
    return process


def held(folder, name):
    wait_for(lambda: (folder / f"{name}.held").exists())


@pytest.fixture
def work(tmp_path):
    found = script(tmp_path, WORK)
    yield found
    for path in tmp_path.glob("*.held"):
        path.unlink()


def tree(folder):
    """{path: bytes and time of the last change} of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_folder_without_a_recipe_is_one_line(tmp_path):
    for folder, words in ((tmp_path, "found no exp/log/queue"), (tmp_path / "x", "is no folder")):
        code, out, error = status(folder)
        assert (code, out, len(error.splitlines())) == (1, "", 1)
        assert error.startswith(f"utils/status.py: {folder}: {words}, wanted ")


def test_what_runs_is_shown_with_its_progress_and_what_waits_with_the_time_left(tmp_path, work):
    first = [task(work, "make", name) for name in ("a", "b")]
    process = begin(tmp_path, *first, task(work, "hold", "c"), task(work, "make", "d"))
    held(tmp_path, "c")
    before = tree(tmp_path)
    out = shown(tmp_path)
    assert f"{tmp_path}: running, on " in out
    assert f", process {process.pid}; stage 3 of 6\n" in out
    cells = {"jobs": "4", "done": "2", "running": "1", "waiting": "1"}
    assert row(out, "3 train") == {
        **{**cells, "failed": "", "stopped": ""},
        "time": "about 90 s left",
    }
    assert "\nrunning: c.log, " in out
    assert ": epoch 2 of 4, 90 s left\n" in out
    assert tree(tmp_path) == before, "it changes nothing"
    (tmp_path / "c.held").unlink()
    assert process.wait(10) == 0
    assert row(shown(tmp_path), "3 train")["done"] == "4"
    assert list(tmp_path.glob(".*.progress")) == []


def test_looking_at_a_job_never_keeps_another_from_its_lock(tmp_path, work):
    process = begin(tmp_path, *(task(work, "make", f"x{number}") for number in range(60)))
    while process.poll() is None:
        if (tmp_path / "exp/log/queue/3.jsonl").exists():
            shown(tmp_path)
    assert process.returncode == 0
    assert row(shown(tmp_path), "3 train")["done"] == "60"


def test_a_failed_job_is_shown_with_its_status_and_last_words(tmp_path, work):
    process = begin(tmp_path, task(work, "fail", "a"), task(work, "make", "b"))
    assert process.wait(10) == 1
    out = shown(tmp_path)
    assert f"{tmp_path}: failed, stage 3 of 6\n" in out
    cells = row(out, "3 train")
    assert (cells["failed"], cells["waiting"], cells["done"]) == ("1", "1", "")
    assert "\nfailed: a.log, 0 s: status 3: no such thing\n" in out


def test_a_job_whose_launcher_was_killed_runs_until_it_ends_and_is_stopped_if_it_was_killed(
    tmp_path, work
):
    process = begin(tmp_path, task(work, "hold", "a"))
    held(tmp_path, "a")
    process.kill()
    process.wait()
    assert row(shown(tmp_path), "3 train")["running"] == "1"  # the log is locked
    os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: row(shown(tmp_path), "3 train")["stopped"] == "1")
    assert f"{tmp_path}: stopped, stage 3 of 6\n" in shown(tmp_path)
    (tmp_path / "a.held").unlink()


def test_on_another_machine_a_job_runs_as_long_as_its_log_changes(tmp_path, work):
    process = begin(tmp_path, task(work, "hold", "a"))
    held(tmp_path, "a")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = tmp_path / "exp/log/queue/3.jsonl"
    head, line = kept.read_text().splitlines()
    old, head = time.time() - 3600, {**json.loads(head), "host": "elsewhere"}
    kept.write_text(f"{json.dumps(head)}\n{line}\n")
    out = shown(tmp_path)
    assert ": running, on elsewhere, " in out
    assert row(out, "3 train")["running"] == "1"
    kept.write_text(f"{json.dumps({**head, 'started': 0.0})}\n{line}\n")
    for path in (tmp_path / "a.log", tmp_path / ".a.log.progress"):
        os.utime(path, (old, old))
    assert row(shown(tmp_path), "3 train")["stopped"] == "1"


def test_a_share_that_ended_is_done_while_others_of_its_command_run(tmp_path):
    text = 'if [ "$1" = 2/3 ]; then touch y.held; while [ -e y.held ]; do sleep 0.02; done; fi'
    work = script(tmp_path, text)
    process = begin(tmp_path, task(work, "{job}/{jobs}", "out/", shares=3), slots=2)
    held(tmp_path, "y")
    wait_for(lambda: row(shown(tmp_path), "3 train")["done"] == "2")
    assert "running: out/log/work.2.log" in shown(tmp_path)
    (tmp_path / "y.held").unlink()
    assert process.wait(10) == 0
    assert row(shown(tmp_path), "3 train")["done"] == "3"


def test_a_log_of_an_earlier_run_says_nothing_of_this_one(tmp_path, work):
    calls = [task(work, "make", "a", renew=True), task(work, "fail", "b", renew=True)]
    assert begin(tmp_path, *calls).wait(10) == 1
    (tmp_path / "work.sh").write_text(
        (tmp_path / "work.sh").read_text().replace("exit 3", "exit 0")
    )
    again = task(work, "make", "a", "a", renew=True)  # another command makes it again
    process = begin(tmp_path, task(work, "hold", "c"), again, calls[1])
    held(tmp_path, "c")
    cells = row(shown(tmp_path), "3 train")
    assert (cells["done"], cells["running"], cells["waiting"], cells["failed"]) == (
        "",
        "1",
        "2",
        "",
    )
    (tmp_path / "c.held").unlink()
    assert process.wait(10) == 0


def test_a_job_that_a_cluster_is_given_again_waits(tmp_path, work):
    assert begin(tmp_path, task(work, "fail", "a")).wait(10) == 1
    assert row(shown(tmp_path), "3 train")["failed"] == "1"
    time.sleep(0.05)
    (tmp_path / "a.log.job").write_text("{}")  # as the launcher writes it before it submits
    cells = row(shown(tmp_path), "3 train")
    assert (cells["waiting"], cells["failed"]) == ("1", "")


def test_a_watch_ends_with_the_run_and_a_rerun_shows_what_is_skipped_as_done(tmp_path, work):
    process = begin(tmp_path, task(work, "hold", "a"), stage=("--stage", "6 of 6: report"))
    held(tmp_path, "a")
    watch = subprocess.Popen([*STATUS, str(tmp_path), "--watch"], stdout=subprocess.PIPE, text=True)
    assert ": running, " in watch.stdout.readline()
    (tmp_path / "a.held").unlink()
    assert process.wait(10) == 0
    out = watch.communicate(timeout=20)[0]
    assert f"{tmp_path}: finished, stage 6 of 6\n" in out
    assert (
        begin(tmp_path, task(work, "hold", "a"), stage=("--stage", "6 of 6: report")).wait(10) == 0
    )
    assert row(shown(tmp_path), "6 report")["done"] == "1"


def test_queues_of_one_stage_are_counted_together(tmp_path, work):
    stage = ("--stage", "1 of 1: data", "--parent", str(os.getpid()))
    for name in ("a", "b"):
        assert begin(tmp_path, task(work, "make", name), stage=stage).wait(10) == 0
    assert row(shown(tmp_path), "1 data")["done"] == "2"


def test_a_queue_that_is_none_is_refused_in_one_line(tmp_path):
    path = tmp_path / "exp/log/queue/3.jsonl"
    path.parent.mkdir(parents=True)
    for text in ("", "x\n", "[]\n", '{"stage": 3}\n', '{"words": ["x", "y"], "todo": true}\n'):
        path.write_text(text)
        code, out, error = status(tmp_path)
        assert (code, out, len(error.splitlines())) == (1, "", 1), text
        assert error.startswith("utils/status.py: exp/log/queue/3.jsonl:")
