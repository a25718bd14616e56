"""utils/run.py on real daemons of each scheduler: arguments, ends of tasks, what can never run."""

import json
import sys
import time

import pytest
from launching import launch, script, settings

ODD = ["a b", "'", '"', "$HOME", "`id`", "a\nb", "\\n", "", "*", "é Ж", "--"]
ODD += ["%j %a", "#SBATCH", "$TASK_ID", "#$ -q x"]


FOLDERS = [("slurm", "a folder, 100%j %% $HOME: é"), ("sge", "a folder, 100% $HOME: \\n")]


@pytest.mark.parametrize(("cluster", "name"), FOLDERS, indirect=["cluster"])
def test_arguments_reach_the_command_exactly_as_they_are_given(cluster, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    text = "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.getcwd()]))\n"
    work = script(folder, text, "work.py")
    call = ["--cluster", cluster.name, "--slots", 2, "JOB=1:3", "log/x.{job}.log"]
    status, _, error = launch(folder, *call, work, "{job}", *ODD)
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
    assert cluster.left() == []


def test_the_environment_reaches_the_command_as_it_is(cluster, tmp_path):
    odd = 'a\nb,c="d" \\n \\'
    work = script(tmp_path, "import os\nprint(repr(os.environ['ODD']))\n", "work.py")
    assert launch(tmp_path, "--cluster", cluster.name, "x.log", work, ODD=odd)[0] == 0
    assert (tmp_path / "x.log").read_text().splitlines()[2] == repr(odd)


def test_a_missing_folder_of_logs_is_made_and_one_that_cannot_be_is_said(cluster, tmp_path):
    call = ["--cluster", cluster.name]
    assert launch(tmp_path, *call, "log/deep/x.log", "true")[0] == 0
    assert (tmp_path / "log/deep/x.log").exists()
    (tmp_path / "file").touch()
    status, _, error = launch(tmp_path, *call, "file/x.log", "true")
    assert (status, len(error.splitlines())) == (1, 1), error
    assert error.startswith("utils/run.py: ") and str(tmp_path / "file") in error
    assert cluster.left() == []


def test_no_more_tasks_at_a_time_than_slots_and_a_skip_of_what_is_done(cluster, tmp_path):
    text = 'touch "at.$1"\nsleep 0.5\nls at.* | wc -l > "seen.$1"\nsleep 0.5\nrm "at.$1"'
    work = script(tmp_path, text)
    call = ["--cluster", cluster.name, "--slots", 2, "--done", "{job}.done", "JOB=1:4"]
    call += ["{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[0] == 0
    assert max(int(path.read_text()) for path in tmp_path.glob("seen.*")) == 2
    assert launch(tmp_path, *call)[1].startswith("skip: ")


@pytest.mark.parametrize(
    ("cluster", "code"),
    [("slurm", 3), ("sge", 3), ("sge", 99), ("sge", 100)],  # two mean something to Grid Engine
    indirect=["cluster"],
)
def test_failed_tasks_are_counted_and_the_first_shows_its_log(cluster, tmp_path, code):
    text = f'echo "said $1"\n[ "$1" != 2 ] || exit {code}\n[ "$1" != 3 ] || kill -9 $$'
    work = script(tmp_path, text)
    call = ["--cluster", cluster.name, "--slots", 4, "--done", "{job}.done", "JOB=1:4"]
    call += ["{job}.log", work, "{job}"]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert error.splitlines()[0].startswith(f"2 / 4 failed: 2.log: status {code} on ")
    assert "    said 2" in error.splitlines()
    assert (tmp_path / "3.log").read_text().splitlines()[-1].startswith("# ended with status -9 ")
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["1.done", "4.done"]
    assert cluster.left() == []
    assert launch(tmp_path, *call)[0] == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_after_a_failure_none_begins(cluster, tmp_path, retries):
    work = script(tmp_path, 'touch "began.$1"\n[ "$1" != 1 ] || exit 3\nsleep 5')
    started = time.monotonic()
    call = [*settings(tmp_path, cluster, "late: 2"), "--retries", retries, "JOB=1:4"]
    status, _, error = launch(tmp_path, *call, "{job}.log", work, "{job}")
    assert (status, error[:22]) == (1, "1 / 4 failed: 1.log: s")
    assert time.monotonic() - started < 45
    assert not (tmp_path / "began.4").exists()
    assert cluster.left() == []


NEVER = [
    ("slurm", ["--threads", 64], "PartitionConfig"),
    ("slurm", ["--mem", "1T"], "Memory specification can not be satisfied"),
    ("slurm", ["--gpu", 1], "Invalid generic resource"),
    ("sge", ["--threads", 64], "no suitable queues"),
    ("sge", ["--mem", "1T"], "no suitable queues"),
    ("sge", ["--gpu", 1], 'unknown resource "gpu"'),
]


@pytest.mark.parametrize(("cluster", "options", "said"), NEVER, indirect=["cluster"])
def test_what_can_never_run_is_refused_at_once_and_not_left_behind(
    cluster, tmp_path, options, said
):
    started = time.monotonic()
    call = ["--cluster", cluster.name, *options, "x.log", "true"]
    status, _, error = launch(tmp_path, *call)
    assert time.monotonic() - started < 10
    assert (status, len(error.splitlines())) == (1, 1)
    assert error.startswith("utils/run.py: ")
    assert said in error
    assert cluster.queue() == []
    assert list(tmp_path.iterdir()) == []


STUCK = [
    ("slurm", '["--hold"]', "slurm says JobHeld"),
    ("sge", '["-h"]', "sge says hqw (the job is held)"),
    ("sge", '["-wd", "/no/such/folder"]', "sge says Eqw (error: can't chdir to /no/such/folder"),
]


@pytest.mark.parametrize(("cluster", "flags", "said"), STUCK, indirect=["cluster"])
def test_a_job_that_is_held_or_in_error_fails_with_its_reason(cluster, tmp_path, flags, said):
    started = time.monotonic()
    call = [*settings(tmp_path, cluster, f"flags: {flags}"), "JOB=1:3", "log/{job}.log", "true"]
    status, _, error = launch(tmp_path, *call)
    assert (status, said in error, len(error.splitlines())) == (1, True, 1), error
    assert time.monotonic() - started < 15
    assert cluster.queue() == []
    assert not list(tmp_path.glob("log/*"))


@pytest.mark.parametrize(("name", "program"), [("slurm", "sbatch"), ("sge", "qsub")])
def test_the_programs_of_a_scheduler_have_to_be_there(tmp_path, name, program):
    call = ["--cluster", name, "x.log", sys.executable]
    status, _, error = launch(tmp_path, *call, PATH=str(tmp_path))
    assert (status, f"no {program} here; is this a machine of the cluster?" in error) == (1, True)
