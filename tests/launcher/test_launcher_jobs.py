"""utils/run.py: what a job gets, what its log holds, which jobs run, and what is said of them."""

import contextlib
import fcntl
import hashlib
import os
import pty
import re
import shlex
import struct
import subprocess
import termios

import pytest
from launching import RUN, launch, script, start, wait_for
from made_up import ROOT


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_more_jobs_at_a_time_than_slots(tmp_path):
    """Each job notes how many are at work when it has begun."""
    text = 'touch "at.$1"\nsleep 0.3\nls at.* | wc -l > "seen.$1"\nsleep 0.2\nrm "at.$1"'
    work = script(tmp_path, text)
    for slots, most in ((0, 1), (2, 2), (9, 4)):
        for path in tmp_path.glob("seen.*"):
            path.unlink()
        assert launch(tmp_path, "--slots", slots, "JOB=1:4", "{job}.log", work, "{job}")[0] == 0
        seen = [int(path.read_text()) for path in tmp_path.glob("seen.*")]
        assert (len(seen), max(seen)) == (4, most), slots


def test_one_slot_is_the_default(tmp_path):
    work = script(tmp_path, 'mkdir busy || exit 9\nsleep 0.1\nrmdir busy\necho "$1" >> order')
    assert launch(tmp_path, "JOB=1:3", "{job}.log", work, "{job}")[0] == 0
    assert (tmp_path / "order").read_text().split() == ["1", "2", "3"]


def test_after_a_failure_none_begins_and_those_at_work_end(tmp_path):
    text = 'touch "began.$1"\n[ "$1" != 1 ] || exit 3\nsleep 0.5\ntouch "ended.$1"'
    work = script(tmp_path, text)
    call = ["--slots", 2, "--done", "done.{job}", "JOB=1:4", "{job}.log", work, "{job}"]
    status, _, error = launch(tmp_path, *call)
    assert status == 1
    assert sorted(path.name for path in tmp_path.glob("began.*")) == ["began.1", "began.2"]
    assert (tmp_path / "ended.2").exists()
    assert [path.name for path in tmp_path.glob("done.*")] == ["done.2"]
    assert (tmp_path / "1.log").read_text().splitlines()[-1].startswith("# ended with status 3 ")
    assert error.count("failed: ") == 1


def test_every_failed_job_is_named_with_the_last_lines_of_its_log(tmp_path):
    work = script(tmp_path, 'sleep 0.2\nfor n in $(seq 20); do echo "$1 line $n."; done\nexit 1')
    status, out, error = launch(tmp_path, "--slots", 2, "JOB=a,b", "{job}.log", work, "{job}")
    assert status == 1
    assert out.splitlines() == ["$ JOB=a,b ./work.sh '{job}'"]
    for job in "ab":
        shown = "".join(f"    {job} line {n}.\n" for n in range(9, 21))
        assert f"failed: ./work.sh {job}\n  last lines of {job}.log:\n{shown}" in error
    assert "line 8." not in error
    assert "# " not in error
    bytes_of_no_text = script(tmp_path, "printf 'odd \\377 byte\\n'; exit 1", "odd.sh")
    assert (
        "    odd \N{REPLACEMENT CHARACTER} byte\n" in launch(tmp_path, "x.log", bytes_of_no_text)[2]
    )
    status, _, error = launch(tmp_path, "x.log", "false")
    assert (status, error) == (1, "failed: false\n  last lines of x.log:\n    (it said nothing)\n")


def test_a_job_gets_threads_progress_no_input_and_one_log(tmp_path):
    text = 'read -r line || echo "no input"\necho "$OMP_NUM_THREADS"\necho "to stderr" >&2'
    work = script(tmp_path, text + '\n[ -n "$ANTISPOOF_PROGRESS" ]')
    (tmp_path / "log").mkdir()
    (tmp_path / "log/x.log").write_text("of an earlier run\n" * 99)
    assert launch(tmp_path, "log/x.log", work, OMP_NUM_THREADS="3")[0] == 0
    first, second, *said, last = (tmp_path / "log/x.log").read_text().splitlines()
    assert first == "# ./work.sh"
    assert re.fullmatch(r"# started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", second)
    assert said == ["no input", "3", "to stderr"]
    assert re.fullmatch(r"# ended with status 0 after \d+ s", last)
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = ["env", "-i", *(f"{k}={v}" for k, v in environment.items()), *RUN, "y.log", work]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    assert (tmp_path / "y.log").read_text().splitlines()[3] == "1"


def test_a_program_is_looked_for_here_then_in_the_root_and_a_bare_name_in_the_path(tmp_path):
    (tmp_path / "utils").mkdir()
    text = "import sys\nprint('of this folder', sys.version_info[:2] > (3, 9), sys.argv[1:])\n"
    (tmp_path / "utils/validate_data_dir.py").write_text(text)  # no right to execute is needed
    assert launch(tmp_path, "x.log", "utils/validate_data_dir.py", "a b")[0] == 0
    assert "of this folder True ['a b']" in (tmp_path / "x.log").read_text().splitlines()
    assert launch(tmp_path, "x.log", "utils/show_results.py", "--help")[0] == 0
    assert str(ROOT) not in (tmp_path / "x.log").read_text().splitlines()[0]
    assert "utils/show_results.py" in (tmp_path / "x.log").read_text()
    assert launch(tmp_path, "x.log", "printf", "%s", "from the path")[0] == 0
    assert "from the path" in (tmp_path / "x.log").read_text()


def test_names_are_filled_in_everywhere_and_inputs_are_sorted_once_each(tmp_path):
    for name in ("b2", "a2", "c"):
        (tmp_path / name).write_text(name)
    call = ["--slots", 5, "--done", "d/{job}/.done", "--from", "c b{job} [ab]{job}* c", "JOB=2:2"]
    assert launch(tmp_path, *call, "l/of/{job}.log", "echo", "{job}", "{jobs}", "{slots}")[0] == 0
    expected = [
        "echo 2 '{jobs}' '{slots}'",
        *(f"{sha256(tmp_path / name)}  {name}" for name in ("a2", "b2", "c")),
    ]
    assert (tmp_path / "d/2/.done").read_text() == "".join(f"{line}\n" for line in expected)
    assert (tmp_path / "l/of/2.log").read_text().startswith("# echo 2 1 5\n")


def test_a_done_for_all_holds_the_command_as_it_was_given(tmp_path):
    call = ["--done", "all.done", "SEED=1,2", "{seed}.log", "echo", "{seed}", "of {jobs}"]
    status, out, _ = launch(tmp_path, *call)
    assert (status, out.splitlines()[0]) == (0, "$ SEED=1,2 echo '{seed}' 'of {jobs}'")
    assert re.fullmatch(r"  \d+ s", out.splitlines()[1])
    assert (tmp_path / "all.done").read_text() == "echo '{seed}' 'of {jobs}'\n"
    assert launch(tmp_path, *call)[1] == "skip: SEED=1,2 echo '{seed}' 'of {jobs}'\n"


def test_only_what_is_not_done_runs(tmp_path):
    work = script(tmp_path, 'echo "$1" >> ran')
    call = ["--done", "{job}.done", "JOB=a,b,c", "{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[0] == 0
    (tmp_path / "b.done").unlink()
    assert launch(tmp_path, *call)[0] == 0
    assert (tmp_path / "ran").read_text().split() == ["a", "b", "c", "b"]


def test_renew_does_it_again_where_it_was_done_otherwise_and_only_then(tmp_path):
    (tmp_path / "input").write_text("1")
    work = script(tmp_path, "echo >> ran")
    call = ["--renew", "--done", "x.done", "--from", "input", "x.log", work]
    runs = []
    for change in ("nothing", "nothing", "input", "nothing", "command", "nothing"):
        if change == "input":
            (tmp_path / "input").write_text("2")
        call += ["--more"] * (change == "command")
        assert launch(tmp_path, *call)[0] == 0
        runs.append(len((tmp_path / "ran").read_text().splitlines()))
    assert runs == [1, 1, 2, 2, 3, 3]
    assert sha256(tmp_path / "input") in (tmp_path / "x.done").read_text()


@pytest.mark.parametrize(("done", "removed"), [("o u t/.done", "o u t"), ("o u t/x", "o u t/x")])
def test_what_is_to_be_removed_is_named_and_is_enough(tmp_path, done, removed):
    (tmp_path / "input").write_text("1")
    call = ["--done", done, "--from", "input", "x.log", "true"]
    assert launch(tmp_path, *call)[0] == 0
    before = (tmp_path / done).read_bytes()
    (tmp_path / "input").unlink()
    (tmp_path / "other").write_text("1")
    other = [word.replace("input", "other") for word in call]
    status, _, error = launch(tmp_path, *other)
    assert status == 1
    assert error.startswith(f"utils/run.py: {done}: rests on another other than there is now; ")
    assert error.endswith(f": rm -r {shlex.quote(removed)}\n")
    assert (tmp_path / done).read_bytes() == before
    assert launch(tmp_path, *call[:2], "x.log", "true")[2].count("rests on another input") == 1


@pytest.mark.parametrize("call", [[], ["x.log"], ["JOB=1:2", "x.log"], ["--slots", "x", "l", "c"]])
def test_a_call_without_log_and_command_is_refused(tmp_path, call):
    status, out, error = launch(tmp_path, *call)
    assert (status, out) == (2, "")
    assert error.startswith("usage: run.py ")
    assert "--slots: invalid int" in error or error.endswith(": error: wanted LOG and COMMAND\n")
    assert list(tmp_path.iterdir()) == []


def test_small_letters_are_no_name_of_values(tmp_path):
    assert launch(tmp_path, "job=1", "echo", "job")[0] == 0  # job=1 is the log, as written
    assert (tmp_path / "job=1").read_text().startswith("# echo job\n")


@pytest.mark.parametrize(("columns", "shown"), [(0, "a of 9 | b of 9"), (12, "a of 9 | b ")])
def test_progress_of_all_jobs_is_shown_in_the_width_of_a_terminal(tmp_path, columns, shown):
    work = script(tmp_path, 'sleep 0.05\nprintf "$1 of 9" > "$ANTISPOOF_PROGRESS"\nsleep 1.2')
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(RUN[0], [*RUN, "--slots", "2", "JOB=a,b", "{job}.log", work, "{job}"])
    said = b""
    with contextlib.suppress(OSError):  # what a terminal says when its last process has ended
        while block := os.read(terminal, 1000):
            said += block
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "b.log", "work.sh"]
    assert f"\r\033[K{shown}\r".encode() in said


def test_a_job_is_at_work_while_its_log_is_locked(tmp_path):
    process = start(tmp_path, "echo under way\nwhile [ ! -e end ]; do sleep 0.05; done")
    wait_for(lambda: "under way" in (tmp_path / "x.log").read_text())
    assert "is at work on this" in launch(tmp_path, "x.log", "true")[2]
    assert launch(tmp_path, "y.log", "true")[0] == 0
    (tmp_path / "end").touch()
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert "under way" in (tmp_path / "x.log").read_text()  # the second did not empty it
    wait_for(lambda: launch(tmp_path, "x.log", "true")[0] == 0)
