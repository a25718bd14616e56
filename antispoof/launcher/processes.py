"""How a job ends with every process that it began."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

GRACE = 5.0  # seconds from SIGTERM to SIGKILL
Process = tuple[int, str | None]  # its number, and its start where /proc tells it


def end(processes: Sequence[subprocess.Popen]) -> None:
    """End the `subprocess.Popen` of jobs and all that they began, first by SIGTERM; waits for them.

    Where there is no /proc, processes that a job began are left to the job.
    """
    asked: set[Process] = set()
    until = time.monotonic() + GRACE
    while True:
        there = family([process.pid for process in processes if process.poll() is None], asked)
        for one in there:
            if one not in asked:
                send(one, signal.SIGTERM)
        asked |= set(there)
        if not there or time.monotonic() > until:
            break
        time.sleep(0.02)
    for one in there:
        send(one, signal.SIGKILL)
    for process in processes:
        process.wait()


def family(roots: Iterable[int], known: Iterable[Process] = ()) -> list[Process]:
    """[(process, its start)] of `roots`, those `known` that still run, and all below them.

    A parent comes before its children, so that it begins no others while they end.
    """
    starts: dict[int, str] = {}
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":  # ended, and not waited for
                starts[int(place.name)] = fields[19]
                children.setdefault(int(fields[1]), []).append(int(place.name))
    line = [*roots, *(pid for pid, start in known if start and starts.get(pid) == start)]
    for pid in line:
        line += [child for child in children.get(pid, ()) if child not in line]
    return [(pid, starts.get(pid)) for pid in dict.fromkeys(line)]


def send(one: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(one[0], number)
