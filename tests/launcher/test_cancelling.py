"""What leaves a scheduler's queue when a launcher is ended."""

import os
import signal
import subprocess
import sys
import time

import pytest
from launching import hearing, wait_for

# A launcher of one job, as bash starts it in the background of run.sh, on a scheduler that says
# what it hears. Ctrl-C reaches the whole group; then the shell ends the launcher with TERM.
SHELL = """trap 'trap "" INT TERM; kill -TERM "$launcher"; wait "$launcher"' INT TERM
"$@" & launcher=$!
wait "$launcher" """
LAUNCHER = """
import sys
import time
from pathlib import Path
from fake_scheduler import FakeScheduler, work
from antispoof.launcher.job import Job

class Loud(FakeScheduler):
    def states(self, *words):
        if not Path("asked").exists():
            Path("asked").touch()
            time.sleep(1)
        return super().states(*words)

    def cancel(self, name, job, *words, **options):
        with open("heard", "a") as stream:
            stream.write("cancel\\n")
        if sys.argv[1] == "heeds":
            super().cancel(name, job, *words, **options)

work([Job(["true"], Path("x.log"))], Loud())
"""


def launcher(folder, root, word):
    """The launcher below its shell, in a group of their own, while it asks the scheduler."""
    paths = os.pathsep.join((str(root), str(root / "tests/helpers")))
    call = hearing(["bash", "-c", SHELL, "bash", sys.executable, "-c", LAUNCHER, word])
    process = subprocess.Popen(
        call,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for((folder / "asked").exists, 30)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_that_the_shell_passes_on_still_cancels(tmp_path, root, number):
    process = launcher(tmp_path, root, "heeds")
    os.killpg(process.pid, number)
    _, error = process.communicate(timeout=30)
    assert (tmp_path / "heard").read_text() == "cancel\n"
    assert "may still be there" not in error
    assert not list(tmp_path.glob("*.job"))


def test_a_signal_that_comes_later_ends_the_wait_for_what_does_not_go(tmp_path, root):
    process = launcher(tmp_path, root, "ignores")
    os.killpg(process.pid, signal.SIGINT)
    wait_for((tmp_path / "heard").exists, 20)
    time.sleep(2.5)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGHUP)
    _, error = process.communicate(timeout=10)
    assert "1 tasks may still be there; cancel them: fake-cancel antispoof-" in error
    assert list(tmp_path.glob("x.log.job"))
