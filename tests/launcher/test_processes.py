"""Processes that end badly: by a signal, without memory, in their last write, two at once."""

import shlex
import signal
import subprocess
import sys
import threading

import pytest
from launching import RUN, end, gone, launch, script, session, start, wait_for


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
@pytest.mark.parametrize("done", ["{job}.done", "all.done"])
def test_a_job_that_a_signal_ended_has_failed(tmp_path, number, done):
    work = script(tmp_path, f'[ "$1" = 1 ] || kill -{int(number)} $$\nsleep 0.1')
    call = ["--slots", 2, "--done", done, "JOB=1:2", "{job}.log", work, "{job}"]
    status, out, error = launch(tmp_path, *call)
    assert status == 1
    assert out.splitlines() == ["$ JOB=1,2 ./work.sh '{job}'"]
    assert error.startswith("failed: ./work.sh 2\n")
    assert number.name in error
    assert [path.name for path in tmp_path.glob("*.done")] == (
        ["1.done"] if "{job}" in done else []
    )
    last = (tmp_path / "2.log").read_text().splitlines()[-1]
    assert last.startswith(f"# ended with status {-int(number)} ")


def test_a_job_that_was_killed_may_have_lacked_memory(tmp_path):
    error = launch(tmp_path, "x.log", script(tmp_path, "kill -9 $$"))[2]
    assert "ended by SIGKILL; where nobody sent it, memory ran out" in error


def test_a_job_without_memory_has_failed(tmp_path):
    text = "import sys\nprint('begins', flush=True)\nbytes(1 << 62)\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, "--done", "x.done", "x.log", work)
    assert status == 1
    assert "    MemoryError\n" in error
    assert not (tmp_path / "x.done").exists()


def test_a_job_whose_last_write_fails_has_failed(tmp_path):
    """What is buffered is written when a program ends: /dev/full refuses it then."""
    text = "import sys\nsys.stdout = open('/dev/full', 'w')\nprint('the last line')\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, "--done", "x.done", "x.log", work)
    assert status == 1
    assert "No space left on device" in error
    assert not (tmp_path / "x.done").exists()


LAST_WRITE = """
import resource, signal, sys
from antispoof.errors import one_line_errors
from antispoof.files import atomic_open
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
with one_line_errors("work.py"):
    with atomic_open("output") as stream:
        stream.write("more than four bytes")  # stays in the buffer
        print("written", flush=True) if sys.argv[1:] else None
"""


def test_an_output_whose_last_write_fails_is_not_there(tmp_path):
    (tmp_path / "output").write_text("old")
    command = [sys.executable, "-c", LAST_WRITE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["work.py: output: File too large"]
    assert (tmp_path / "output").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_ended_launcher_ends_every_job_and_marks_none_as_done(tmp_path, number, status):
    options = ["--slots", "2", "--done", "done.{job}", "JOB=1:3", "{job}.log"]
    process = start(tmp_path, "exec sleep 60", *options, began=2)
    assert end(process, number) == status
    assert gone(tmp_path)
    assert len(list(tmp_path.glob("began.*"))) == 2
    assert list(tmp_path.glob("done.*")) == []
    wait_for(lambda: "at work" not in launch(tmp_path, "1.log", "true")[2])


SIGNAL_AT_ONCE = """
import os, runpy, signal, sys
run = runpy.run_path(sys.argv.pop(1))  # not as a program
begin = run["Job"].start
def start(job):
    process = begin(job)
    os.kill(os.getpid(), signal.SIGTERM)  # it has begun, and nobody has noted it
    return process
run["Job"].start = start
run["main"]()
"""


def test_a_signal_while_a_job_begins_leaves_it_not_behind(tmp_path):
    work = script(tmp_path, "echo $$ > began.1\nexec sleep 60")
    command = [sys.executable, "-c", SIGNAL_AT_ONCE, RUN[1], "x.log", work]
    assert subprocess.run(command, cwd=tmp_path, timeout=30).returncode == 143
    assert gone(tmp_path)


def test_an_ended_launcher_waits_for_what_its_jobs_still_write(tmp_path):
    text = "trap 'sleep 0.5; touch cleaned; exit 1' TERM\nwhile :; do sleep 0.05; done"
    process = start(tmp_path, text)
    assert end(process) == 143
    assert (tmp_path / "cleaned").exists()


def test_of_two_launchers_at_once_one_makes_it_and_the_other_says_so(tmp_path):
    work = script(tmp_path, "sleep 1\necho >> ran")
    found, call = [], ["--done", "x.done", "x.log", work]
    threads = [
        threading.Thread(target=lambda: found.append(launch(tmp_path, *call))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _, _ in found) == [0, 1, 1]
    refused = "utils/run.py: x.log: another run is at work on this; wait for it, or end it\n"
    assert [error for status, _, error in found if status] == [refused] * 2
    assert (tmp_path / "ran").read_text() == "\n"
    assert launch(tmp_path, *call)[1] == f"skip: {work}\n"


def test_a_temporary_file_of_another_process_is_left_alone(tmp_path):
    """Two that write one output at once: each has a name of its own, the last one stays, whole."""
    text = (
        "import sys\nfrom antispoof.files import atomic_open\n"
        "for turn in range(200):\n"
        "    with atomic_open('output') as stream:\n"
        "        stream.write(sys.argv[1] * 5000)\n"
    )
    path = tmp_path / "work.py"
    path.write_text(text)
    command = [sys.executable, str(path)]
    both = [subprocess.Popen([*command, letter], cwd=tmp_path) for letter in "ab"]
    while any(process.poll() is None for process in both):
        if (tmp_path / "output").exists():
            assert (tmp_path / "output").read_text() in ("a" * 5000, "b" * 5000)
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["output", "work.py"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_ended_launcher_ends_what_its_jobs_began_too(tmp_path, number):
    """A job that a signal ends at once leaves its own processes to nobody."""
    below = "(echo $BASHPID > began.2; trap '' TERM; sleep 60 & wait; sleep 60) &"
    (tmp_path / "pool").write_text(f"#!/bin/bash\n{below}\nexec sleep 60\n")
    (tmp_path / "pool").chmod(0o755)
    process = start(tmp_path, "exec ./pool", began=2)
    assert end(process, number) == 128 + number
    assert session(process.pid) == []


def test_a_launcher_that_nohup_started_goes_on(tmp_path):
    work = script(tmp_path, "touch began; sleep 0.5; touch ended")
    process = subprocess.Popen(["nohup", *RUN, "x.log", work], cwd=tmp_path)
    wait_for((tmp_path / "began").exists)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 0
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("moment", ["while it runs", "before it begins"])
def test_a_launcher_ends_with_its_parent(tmp_path, moment):
    work = script(tmp_path, "echo $$ > .$$ && mv .$$ began.$$\nexec sleep 60")
    call = shlex.join([*RUN, "--parent", "PID", "--done", "x.done", "x.log", work])
    call = call.replace("PID", '"$parent"')
    late = moment == "before it begins"
    text = "while [ ! -e go ]; do sleep 0.05; done; " if late else ""
    text = f"parent=$$; ( {text}exec {call} ) &"
    shell = subprocess.Popen(["bash", "-c", f"{text}\nwait"], cwd=tmp_path, start_new_session=True)
    if not late:
        wait_for(lambda: list(tmp_path.glob("began.*")))
    shell.kill()
    shell.wait()
    (tmp_path / "go").touch()
    wait_for(lambda: session(shell.pid) == [])
    assert len(list(tmp_path.glob("began.*"))) == (not late)
    assert not (tmp_path / "x.done").exists()
