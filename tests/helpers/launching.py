"""Calls of utils/run.py on small scripts, for the tests of the launcher and of processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from made_up import ROOT

RUN = [sys.executable, str(ROOT / "utils/run.py")]


def launch(folder, *arguments, **environment):
    """Run the launcher to its end; returns (exit status, stdout, stderr)."""
    done = subprocess.run(
        [*RUN, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def begin(folder, *arguments):
    """Start the launcher; returns the process, whose stdout and stderr are texts."""
    pipe = subprocess.PIPE
    words = hearing([*RUN, *map(str, arguments)])
    return subprocess.Popen(words, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def hearing(command):
    """`command`, which hears an interrupt and a hang-up even where these tests ignore them.

    They do where nohup started them, or a shell in its background; what they start inherits it.
    """
    return ["env", "--default-signal=INT,HUP", *command]


def script(folder, text, name="work.sh"):
    """Write a program; returns the word that calls it from `folder`."""
    path = folder / name
    path.write_text(text if name.endswith(".py") else f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return f"./{name}"


def start(folder, text, *options, began=1):
    """A launcher in a process group of its own, `began` of whose jobs have begun."""
    work = script(folder, f"echo $$ > .$$ && mv .$$ began.$$\n{text}")
    call = hearing([*RUN, *(options or ["x.log"]), work])
    process = subprocess.Popen(call, cwd=folder, start_new_session=True, stderr=subprocess.PIPE)
    wait_for(lambda: len(list(folder.glob("began.*"))) >= began)
    return process


def wait_for(happened, seconds=10):
    """Wait until `happened()`; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def gone(folder):
    """Whether none of the jobs that began is there any more."""
    for path in folder.glob("began.*"):
        try:
            os.kill(int(path.read_text()), 0)
        except ProcessLookupError:
            continue
        return False
    return True


def end(process, number=signal.SIGTERM):
    """Send a signal to a launcher; returns its exit status."""
    process.send_signal(number)
    process.communicate(timeout=10)
    return process.returncode


def session(leader):
    """The processes of the session of `leader` that have not ended: [(pid, name)]."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, _, rest = (place / "stat").read_text(errors="replace").rpartition(")")
            state, _, _, own = rest.split()[:4]
            if own == str(leader) and state not in "ZX":
                found.append((int(place.name), name.partition("(")[2]))
    return found


@contextlib.contextmanager
def paused(call, folder, part):
    """A worker that stands still with `part` begun, in the block; then it ends."""
    command = [sys.executable, str(ROOT / call[0]), *map(str, call[1:])]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: part.exists() and part.stat().st_size, 60)
        process.send_signal(signal.SIGSTOP)
        assert process.poll() is None
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.wait(60)


# A task of a cluster whose first attempt waits to be disturbed; each notes where it ran.
ONCE = """echo "${SLURMD_NODENAME:-node}" >> ran
if [ "$(wc -l < ran)" = 1 ]; then echo $$ > .pid && mv .pid pid; sleep "${1:-60}"; fi
echo whole > .out && mv .out out"""


def began(folder):
    """The process of the first attempt, once it runs."""
    wait_for((folder / "pid").exists, 30)
    return int((folder / "pid").read_text())


def finish(process, seconds=90):
    """Wait for a launcher; returns (exit status, stdout, stderr)."""
    out, error = process.communicate(timeout=seconds)
    return process.returncode, out, error


def kill_launcher(process):
    """SIGKILL a launcher, which can do nothing more."""
    process.kill()
    process.communicate()


def settings(folder, cluster, text):
    """A site's own settings of a cluster; returns the words that choose them."""
    (folder / "conf/cluster").mkdir(parents=True)
    (folder / "conf/cluster/site.yaml").write_text(f"base: {cluster.name}.yaml\n{text}\n")
    return ["--cluster", "site"]


def queue(folder, *tasks, options=(), seconds=60):
    """Run the launcher on a queue; returns (exit status, stdout, stderr)."""
    lines = [task if isinstance(task, str) else json.dumps(task) for task in tasks]
    done = subprocess.run(
        [*RUN, "--queue", *map(str, options)],
        input="".join(f"{line}\n" for line in lines),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return done.returncode, done.stdout, done.stderr


def task(*words, **more):
    return {"words": list(words), **more}
