"""utils/status.py at moments at which something is about to be written, or gone."""

import os
import signal
from pathlib import Path

from launching import script, task, wait_for
from test_status import WORK, begin, held, row, shown


def test_a_job_that_ended_runs_until_its_launcher_has_noted_how(tmp_path):
    work = script(tmp_path, WORK)
    process = begin(tmp_path, task(work, "hold", "a"))
    held(tmp_path, "a")
    os.kill(process.pid, signal.SIGSTOP)
    (tmp_path / "a.held").unlink()
    wait_for(lambda: locked(tmp_path / "a.log") == [])
    assert row(shown(tmp_path), "3 train")["running"] == "1"
    os.kill(process.pid, signal.SIGCONT)
    assert process.wait(10) == 0
    assert row(shown(tmp_path), "3 train")["done"] == "1"


def locked(path):
    """The locks on a file."""
    lines = Path("/proc/locks").read_text().splitlines()
    return [line for line in lines if f":{path.stat().st_ino} " in line]


def test_a_run_whose_first_queue_is_not_written_yet_has_begun_no_stage(tmp_path):
    (tmp_path / "exp/log/queue").mkdir(parents=True)
    assert shown(tmp_path) == f"{tmp_path}: no stage has begun\n"


def test_a_queue_that_is_removed_while_it_is_read_is_left_out(tmp_path):
    work = script(tmp_path, WORK)
    assert begin(tmp_path, task(work, "make", "a")).wait(10) == 0
    (tmp_path / "exp/log/queue/4.jsonl").symlink_to("removed since it was listed")
    assert row(shown(tmp_path), "3 train")["done"] == "1"


def test_a_job_may_write_a_line_like_those_of_its_launcher(tmp_path):
    work = script(tmp_path, 'echo "# started 2026-99-99 99:99:99"; touch a.held; cat pipe')
    os.mkfifo(tmp_path / "pipe")
    process = begin(tmp_path, task(work, "a"))
    held(tmp_path, "a")
    assert row(shown(tmp_path), "3 train")["running"] == "1"
    (tmp_path / "pipe").write_text("")
    assert process.wait(10) == 0
    (tmp_path / "a.held").unlink()
