"""utils/run.py: jobs, logs, and the one meaning of done."""

import os
import time

import pytest
from launching import end, gone, launch, script, start


def test_jobs_get_their_values_and_logs_begin_with_the_command(tmp_path):
    work = script(tmp_path, 'echo "$1 of $2, $3"')
    status, out, error = launch(
        tmp_path, "--slots", 2, "JOB=1:3", "log/x.{job}.log", work, "{job}", "{jobs}", "a b;$HOME"
    )
    assert (status, error) == (0, "")
    assert out.startswith("$ JOB=1,2,3 ./work.sh '{job}' '{jobs}' 'a b;$HOME'\n")
    for job in "123":
        lines = (tmp_path / f"log/x.{job}.log").read_text().splitlines()
        assert lines[0] == f"# ./work.sh {job} 3 'a b;$HOME'"
        assert f"{job} of 3, a b;$HOME" in lines  # no shell saw it
        assert lines[-1].startswith("# ended with status 0 ")


def test_values_by_name(tmp_path):
    work = script(tmp_path, 'touch "$1"')
    assert launch(tmp_path, "SET=dev,eval", "{set}.log", work, "made_{set}")[0] == 0
    assert (tmp_path / "made_dev").exists()
    assert (tmp_path / "made_eval").exists()


@pytest.mark.parametrize("values", ["2:1", "a:b", "", "a,,b"])
def test_bad_values(tmp_path, values):
    status, out, error = launch(tmp_path, f"JOB={values}", "x.log", "true")
    assert (status, out) == (1, "")
    assert error == f"utils/run.py: '{values}': wanted FIRST:LAST or A,B,...\n"


def test_a_failed_job_shows_its_log_and_leaves_no_done(tmp_path):
    work = script(tmp_path, 'echo "wrong: $1" >&2\n[ "$1" = 1 ]')
    status, _, error = launch(tmp_path, "--done", "d/{job}", "JOB=1:2", "{job}.log", work, "{job}")
    assert status == 1
    assert "failed: ./work.sh 2\n  last lines of 2.log:\n    wrong: 2\n" in error
    assert "wrong: 1" not in error
    assert (tmp_path / "d/1").exists()
    assert not (tmp_path / "d/2").exists()
    status, _, error = launch(tmp_path, "x.log", "./none.sh")
    assert (status, error[:28]) == (1, "utils/run.py: none.sh: no su")


def test_done_means_the_same_command_and_the_same_inputs(tmp_path):
    work = script(tmp_path, "date +%N >> times")
    (tmp_path / "input").write_text("1")
    call = ["--done", ".done", "--from", "input utt2*", "x.log", work]
    assert launch(tmp_path, *call)[1].startswith("$ ./work.sh\n")
    assert launch(tmp_path, *call)[1] == "skip: ./work.sh\n"
    os.utime(tmp_path / "input", (0, 0))
    assert launch(tmp_path, *call)[1] == "skip: ./work.sh\n"  # the same bytes
    status, out, error = launch(tmp_path, *call, "--more")
    assert (status, out, len(error.splitlines())) == (1, "", 1)
    assert "another command (./work.sh; now ./work.sh --more); to make it again: rm -r " in error
    (tmp_path / "input").write_text("2")
    assert "rests on another input than there is now" in launch(tmp_path, *call)[2]
    (tmp_path / "input").write_text("1")
    (tmp_path / "utt2spk").write_text("a b\n")
    assert "rests on another utt2spk than there is now" in launch(tmp_path, *call)[2]
    (tmp_path / "utt2spk").unlink()
    assert launch(tmp_path, *call)[0] == 0
    assert len((tmp_path / "times").read_text().split()) == 1
    (tmp_path / "input").unlink()
    assert "input: no such file" in launch(tmp_path, *call)[2]


def test_a_done_for_all_jobs_is_written_once_all_ended_and_knows_no_number_of_jobs(tmp_path):
    work = script(tmp_path, '[ ! -e stop ] || [ "$1" != 2 ]')
    call = ["--done", "out/.done", "JOB=1:2", "{job}.log", work, "{job}"]
    (tmp_path / "stop").touch()
    assert launch(tmp_path, *call)[0] == 1
    assert not (tmp_path / "out/.done").exists()
    (tmp_path / "stop").unlink()
    assert launch(tmp_path, *call)[0] == 0
    four = [word.replace("1:2", "1:4") for word in call]
    assert launch(tmp_path, "--slots", 3, *four)[1].startswith("skip: ")


def test_what_rests_on_an_input_that_changes_while_the_job_runs_is_not_done(tmp_path):
    (tmp_path / "input").write_text("1")
    work = script(tmp_path, "[ -e again ] || printf 2 > input\ntouch again input")
    call = ["--done", ".done", "--from", "input", "x.log", work]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert error.startswith("x.log: input changed while it ran; run it again\n")
    assert not (tmp_path / ".done").exists()
    assert launch(tmp_path, *call)[0] == 0  # new and with the same bytes
    assert launch(tmp_path, *call)[1].startswith("skip: ")


def test_none_of_several_jobs_stands_for_all_where_an_input_changes(tmp_path):
    (tmp_path / "input").write_text("1")
    work = script(tmp_path, '[ "$1" = 2 ] || rm input')
    call = ["--done", ".done", "--from", "input", "JOB=1:2", "{job}.log", work, "{job}"]
    assert "1.log: input changed while it ran; run it again\n" in launch(tmp_path, *call)[2]
    assert not (tmp_path / ".done").exists()


def test_threads_do_not_depend_on_what_is_left_to_do(tmp_path):
    work = script(tmp_path, 'echo $OMP_NUM_THREADS > "threads$1"\n[ -e go ] || [ "$1" = 1 ]')
    call = ["--slots", 2, "--done", "done.{job}", "JOB=1:2", "{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[0] == 1
    first = (tmp_path / "threads2").read_text()
    (tmp_path / "go").touch()
    assert launch(tmp_path, *call)[0] == 0
    assert (tmp_path / "threads2").read_text() == first


def test_a_job_that_outlives_its_launcher_keeps_others_away(tmp_path):
    process = start(tmp_path, "while [ ! -e end ]; do sleep 0.05; done")
    process.kill()
    process.wait()
    status, _, error = launch(tmp_path, "x.log", "./work.sh")
    assert status == 1
    assert error == "utils/run.py: x.log: another run is at work on this; wait for it, or end it\n"
    (tmp_path / "end").touch()
    for _ in range(100):
        if launch(tmp_path, "x.log", "./work.sh")[0] == 0:
            return
        time.sleep(0.05)
    raise AssertionError("the log stayed locked")


def test_an_ended_launcher_leaves_no_job_behind(tmp_path):
    process = start(tmp_path, "exec sleep 60")
    assert end(process) == 143
    assert gone(tmp_path)
