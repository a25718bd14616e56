"""utils/run.py --cluster sge, on real daemons: arguments, ends of tasks, what can never run."""

import json
import sys
import time

import pytest
from launching import launch, script, wait_for

CALL = ["--cluster", "sge"]
ODD = ["a b", "'", '"', "$HOME", "`id`", "a\nb", "\\n", "", "*", "é Ж", "$TASK_ID", "--", "#$ -q x"]


def test_arguments_reach_the_command_exactly_as_they_are_given(sge, tmp_path):
    folder = tmp_path / "a folder, 100% $HOME: \\n"
    folder.mkdir()
    text = "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.getcwd()]))\n"
    work = script(folder, text, "work.py")
    call = [*CALL, "--slots", 2, "JOB=1:3", "log/x.{job}.log", work, "{job}", *ODD]
    status, _, error = launch(folder, *call)
    assert (status, error) == (0, "")
    for job in "123":
        first, *rest = (folder / f"log/x.{job}.log").read_text().split("\n# started ")
        assert first.startswith(f"# ./work.py {job} ")
        lines = rest[0].splitlines()
        assert " on " in lines[0] and lines[0].endswith(", attempt 1")
        assert json.loads(lines[1]) == [[job, *ODD], str(folder)]
        assert lines[-1].startswith("# ended with status 0 after ")
    assert sorted(path.name for path in (folder / "log").iterdir()) == [
        f"x.{job}.log" for job in "123"
    ]
    wait_for(lambda: sge.queue() == [])


def test_the_environment_reaches_the_command_as_it_is(sge, tmp_path):
    odd = 'a\nb,c="d" \\n \\'
    work = script(tmp_path, "import os\nprint(repr(os.environ['ODD']))\n", "work.py")
    assert launch(tmp_path, *CALL, "x.log", work, ODD=odd)[0] == 0
    assert (tmp_path / "x.log").read_text().splitlines()[2] == repr(odd)


def test_no_more_tasks_at_a_time_than_slots_and_a_skip_of_what_is_done(sge, tmp_path):
    text = 'touch "at.$1"\nsleep 0.5\nls at.* | wc -l > "seen.$1"\nsleep 0.5\nrm "at.$1"'
    work = script(tmp_path, text)
    call = [*CALL, "--slots", 2, "--done", "{job}.done", "JOB=1:4", "{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[0] == 0
    assert max(int(path.read_text()) for path in tmp_path.glob("seen.*")) == 2
    assert launch(tmp_path, *call)[1].startswith("skip: ")


@pytest.mark.parametrize("code", [3, 99, 100])  # the last two mean something to Grid Engine
def test_failed_tasks_are_counted_and_the_first_shows_its_log(sge, tmp_path, code):
    text = f'echo "said $1"\n[ "$1" != 2 ] || exit {code}\n[ "$1" != 3 ] || kill -9 $$'
    work = script(tmp_path, text)
    call = [*CALL, "--slots", 4, "--done", "{job}.done", "JOB=1:4", "{job}.log", work, "{job}"]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert error.splitlines()[0].startswith(f"2 / 4 failed: 2.log: status {code} on ")
    assert "    said 2" in error.splitlines()
    assert (tmp_path / "3.log").read_text().splitlines()[-1].startswith("# ended with status -9 ")
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["1.done", "4.done"]
    wait_for(lambda: sge.queue() == [])


@pytest.mark.parametrize("retries", [0, 2])
def test_after_a_failure_none_begins(sge, tmp_path, retries):
    work = script(tmp_path, 'touch "began.$1"\n[ "$1" != 1 ] || exit 3\nsleep 30')
    started = time.monotonic()
    call = [*CALL, "--retries", retries, "JOB=1:4", "{job}.log", work, "{job}"]
    status, _, error = launch(tmp_path, *call)
    assert (status, error[:22]) == (1, "1 / 4 failed: 1.log: s")
    assert time.monotonic() - started < 50
    assert not (tmp_path / "began.4").exists()
    wait_for(lambda: sge.queue() == [])


def test_a_task_that_exceeds_its_memory_has_failed(sge, tmp_path):
    text = "print('begins', flush=True)\nx = b'1' * 400_000_000\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, *CALL, "--mem", "300M", "x.log", work)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: status 1 on ")
    assert error.splitlines()[-1] == "    MemoryError"
    assert launch(tmp_path, *CALL, "--mem", "2G", "x.log", work)[0] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threads", 64], "no suitable queues"),
        (["--mem", "1T"], "no suitable queues"),
        (["--mem", "20G", "--threads", 2], ""),
        (["--gpu", 1], 'unknown resource "gpu"'),
    ],
)
def test_what_can_never_run_is_refused_at_once_and_not_left_behind(sge, tmp_path, options, said):
    started = time.monotonic()
    status, _, error = launch(tmp_path, *CALL, *options, "x.log", "true")
    assert time.monotonic() - started < 10
    assert status == (1 if said else 0)
    if said:
        assert len(error.splitlines()) == 1
        assert error.startswith("utils/run.py: ")
        assert said in error
        assert list(tmp_path.iterdir()) == []
    wait_for(lambda: sge.queue() == [])


def site(folder, text):
    """A site's own settings; returns the words that choose them."""
    (folder / "conf/cluster").mkdir(parents=True)
    (folder / "conf/cluster/site.yaml").write_text(f"base: sge.yaml\n{text}\n")
    return ["--cluster", "site"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ('["-h"]', "sge says hqw (the job is held)"),
        ('["-wd", "/no/such/folder"]', "sge says Eqw (error: can't chdir to /no/such/folder"),
    ],
)
def test_a_job_that_is_held_or_in_error_fails_with_its_reason(sge, tmp_path, flags, said):
    started = time.monotonic()
    call = [*site(tmp_path, f"flags: {flags}"), "JOB=1:3", "log/{job}.log", "true"]
    status, _, error = launch(tmp_path, *call)
    assert (status, said in error, len(error.splitlines())) == (1, True, 1), error
    assert time.monotonic() - started < 15
    assert sge.queue() == []
    assert not list(tmp_path.glob("log/*"))


def test_an_unknown_queue_is_named(sge, tmp_path):
    status, _, error = launch(tmp_path, *site(tmp_path, "queue: none.q"), "x.log", "true")
    assert (status, "unknown queue" in error) == (1, True)


def test_the_programs_of_grid_engine_have_to_be_there(tmp_path):
    bare = {"PATH": str(tmp_path)}
    status, _, error = launch(tmp_path, *CALL, "x.log", sys.executable, **bare)
    assert (status, "no qsub here; is this a machine of the cluster?" in error) == (1, True)
