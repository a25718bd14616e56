"""utils/run.py --cluster slurm, on real daemons: arguments, ends of tasks, what can never run."""

import json
import sys
import time

import pytest
from launching import begin, launch, script, wait_for

CALL = ["--cluster", "slurm"]
ODD = ["a b", "'", '"', "$HOME", "`id`", "a\nb", "\\n", "", "*", "é Ж", "%j %a", "--", "#SBATCH"]


def test_arguments_reach_the_command_exactly_as_they_are_given(slurm, tmp_path):
    folder = tmp_path / "a folder, 100% $HOME"
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
    assert slurm.queue() == []


def test_no_more_tasks_at_a_time_than_slots_and_a_skip_of_what_is_done(slurm, tmp_path):
    text = 'touch "at.$1"\nsleep 0.5\nls at.* | wc -l > "seen.$1"\nsleep 0.5\nrm "at.$1"'
    work = script(tmp_path, text)
    call = [*CALL, "--slots", 2, "--done", "{job}.done", "JOB=1:4", "{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[0] == 0
    assert max(int(path.read_text()) for path in tmp_path.glob("seen.*")) == 2
    assert launch(tmp_path, *call)[1].startswith("skip: ")


def test_failed_tasks_are_counted_and_the_first_shows_its_log(slurm, tmp_path):
    text = 'echo "said $1"\n[ "$1" != 2 ] || exit 3\n[ "$1" != 3 ] || kill -9 $$'
    work = script(tmp_path, text)
    call = [*CALL, "--slots", 4, "--done", "{job}.done", "JOB=1:4", "{job}.log", work, "{job}"]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert error.splitlines()[0].startswith("2 / 4 failed: 2.log: status 3 on ")
    assert "    said 2" in error.splitlines()
    assert (tmp_path / "3.log").read_text().splitlines()[-1].startswith("# ended with status -9 ")
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["1.done", "4.done"]
    assert launch(tmp_path, *call)[0] == 1


def test_after_a_failure_none_begins(slurm, tmp_path):
    work = script(tmp_path, 'touch "began.$1"\n[ "$1" != 1 ] || exit 3\nsleep 30')
    started = time.monotonic()
    status, _, error = launch(tmp_path, *CALL, "JOB=1:4", "{job}.log", work, "{job}")
    assert (status, error[:22]) == (1, "1 / 4 failed: 1.log: s")
    assert time.monotonic() - started < 45
    assert not (tmp_path / "began.4").exists()
    assert slurm.queue() == []


def test_a_task_that_somebody_cancels_has_failed(slurm, tmp_path):
    work = script(tmp_path, '[ "$1" = 1 ] || { touch began; exec sleep 60; }')
    process = begin(tmp_path, *CALL, "--slots", 2, "JOB=1:2", "{job}.log", work, "{job}")
    wait_for((tmp_path / "began").exists)
    slurm.call("scancel", slurm.call("squeue", "-h", "-r", "-o", "%F_2").split()[0])
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert error.startswith("1 / 2 failed: 2.log: somebody cancelled it\n")


def test_a_task_that_exceeds_its_memory_says_so(slurm, tmp_path):
    text = "import time\nprint('begins', flush=True)\nx = b'1' * 400_000_000\ntime.sleep(30)\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, *CALL, "--mem", "150M", "x.log", work)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: it exceeded its memory; ask for more with --mem")
    assert "    begins" in error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threads", 64], "PartitionConfig"),
        (["--mem", "1T"], "Memory specification can not be satisfied"),
        (["--gpu", 1], "Invalid generic resource"),
    ],
)
def test_what_can_never_run_is_refused_at_once_and_not_left_behind(slurm, tmp_path, options, said):
    started = time.monotonic()
    status, _, error = launch(tmp_path, *CALL, *options, "x.log", "true")
    assert time.monotonic() - started < 10
    assert (status, len(error.splitlines())) == (1, 1)
    assert error.startswith("utils/run.py: ")
    assert said in error
    assert slurm.queue() == []
    assert list(tmp_path.iterdir()) == []


def test_a_site_s_own_file_says_what_differs_and_a_wrong_word_is_refused(slurm, tmp_path):
    (tmp_path / "conf/cluster").mkdir(parents=True)
    site = tmp_path / "conf/cluster/site.yaml"
    site.write_text("base: slurm.yaml\nqueue: none\n")
    status, _, error = launch(tmp_path, "--cluster", "site", "x.log", "true")
    assert (status, "invalid partition specified: none" in error) == (1, True)
    site.write_text("base: slurm.yaml\nqueue: main\n")
    assert launch(tmp_path, "x.log", "true", ANTISPOOF_CLUSTER="site")[0] == 0
    site.write_text("base: slurm.yaml\nquue: main\n")
    error = launch(tmp_path, "--cluster", str(site), "x.log", "true")[2]
    assert "unknown key 'quue', did you mean 'queue'?" in error
    site.write_text("scheduler: slurm\n")
    error = launch(tmp_path, "--cluster", "site", "--mem", "1G", "x.log", "true")[2]
    assert "'options.mem' is empty, wanted the words that ask for mem 1024" in error


def test_a_held_task_fails_with_the_scheduler_s_reason(slurm, tmp_path):
    (tmp_path / "conf/cluster").mkdir(parents=True)
    (tmp_path / "conf/cluster/held.yaml").write_text('base: slurm.yaml\nflags: ["--hold"]\n')
    status, _, error = launch(tmp_path, "--cluster", "held", "x.log", "true")
    assert (status, "slurm says JobHeld" in error) == (1, True)
    assert slurm.queue() == []


def test_the_programs_of_slurm_have_to_be_there(tmp_path):
    bare = {"PATH": str(tmp_path)}
    status, _, error = launch(tmp_path, *CALL, "x.log", sys.executable, **bare)
    assert (status, "no sbatch here; is this a machine of the cluster?" in error) == (1, True)
