"""What a throwaway Slurm and a throwaway Grid Engine of the tests have in common."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class Daemons:
    """A scheduler in a temporary folder, from real daemons of this machine.

    `environment` leads programs to it.
    """

    name = ""  # of its file in conf/cluster/
    controller = ""  # the daemon that answers questions
    keeper = ""  # the process above each task
    messages = ""  # the file with what the controller says
    environment: dict[str, str]

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.folder.chmod(0o755)

    def call(self, *words):
        """What a program says; fails where it does."""
        done = subprocess.run(
            words,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def wait_for(self, happened, seconds=60):
        """Wait until `happened()` without an error; fails with what the controller says."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):
                if happened():
                    return
            if time.monotonic() > end:
                path = self.folder / self.messages
                raise AssertionError(path.read_text()[-2000:] if path.exists() else "")
            time.sleep(0.1)

    def kill_process(self, pid):
        """SIGKILL a process; returns when it is gone."""
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: state_of(pid) in "ZX")

    def line(self, pid):
        """A process of a task and those above it, up to its keeper, which comes last."""
        found = [pid]
        while self.keeper not in Path(f"/proc/{found[-1]}/comm").read_text():
            found.append(int(fields(found[-1])[1]))
            assert found[-1] > 1
        return found

    def crash(self, pid):
        """The node of a process of a task dies, with all that runs on it."""
        line = self.line(pid)
        self.kill_node(pid)
        for one in reversed(line):
            os.kill(one, signal.SIGKILL)

    @contextlib.contextmanager
    def standing_still(self, daemon=None):
        """A daemon, or the controller, that hears everything and does nothing in the block."""
        pid = self.pid_of(daemon or self.controller)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def end(self, pids, seconds):
        """End daemons and remove the folder."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            until = time.monotonic() + seconds
            while time.monotonic() < until and any(state_of(pid) not in "ZX" for pid in pids):
                time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def missing(programs, places=()):
    """What is not there of programs and folders, and of what a test needs else."""
    found = [program for program in programs if not shutil.which(program)]
    found += [str(place) for place in places if not place.exists()]
    return found + ["root"] * bool(os.geteuid())


def free_ports(count):
    """The first of `count` ports in a row that nobody has."""
    for start in range(17000 + os.getpid() % 1000 * 10, 32000, 10):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(start, start + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return start
    raise AssertionError("no free ports")


def fields(pid):
    """[state, parent, ...] of a process; [X] where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]


def state_of(pid):
    return fields(pid)[0]
