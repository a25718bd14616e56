"""An array of tasks: what the launcher hands to a scheduler, in a folder next to the logs.

The folder `.jobs/NAME` holds tasks.json, what antispoof/launcher/task.py reads; task.sh, which
calls it and is the same for every array; INDEX.json, how a task ended; INDEX.out, what the
scheduler says of it; INDEX.progress. It goes when all its tasks have been judged.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..data.json_files import write_json
from ..errors import UserError
from ..files import atomic_open
from . import task
from .job import Job
from .scheduler import Scheduler

SCRIPT = """#!/bin/sh
# The launcher of antispoof writes this: one task of an array.
cd "$3" || exit 1
[ -n "${SLURM_ARRAY_TASK_ID:-}" ] || exec >>"$SGE_TASK_ID.out" 2>&1
exec "$1" -I "$2"
"""
TAIL = 4000  # bytes
PATIENCE = 30.0  # seconds in which a program of the scheduler ends


@dataclasses.dataclass(eq=False)
class Array:
    """`jobs` as {index: job}; `name` is drawn at random, `number` is the scheduler's id.

    found: another launcher submitted it, and some of its tasks may be no jobs of this one.
    """

    name: str
    folder: Path
    jobs: dict[int, Job]
    number: str = ""
    found: bool = False

    def part(self) -> list[int] | None:
        """The tasks that are jobs of this launcher; None where all are."""
        return sorted(self.jobs) if self.found else None

    def has(self, task: int) -> bool:
        """Whether a task concerns this launcher."""
        return not self.found or task in self.jobs

    def only(self, tasks: Container[int]) -> "Array":
        """The same array with some of its jobs."""
        chosen = {task: job for task, job in self.jobs.items() if task in tasks}
        return dataclasses.replace(self, jobs=chosen)

    def submit(self, scheduler: Scheduler, flags: Sequence[str], slots: int) -> None:
        """Hand it to the scheduler. Raises Away or UserError."""
        words = [*flags, "--", sys.executable, task.__file__, str(self.folder)]
        self.number = scheduler.submit(self.folder, self.name, words, len(self.jobs), slots)

    def await_submission(self) -> None:
        """Wait for the scheduler's program of a killed launcher, which is at work in the folder."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and any(map(self.holds, Path("/proc").glob("[0-9]*/cwd"))):
            time.sleep(0.2)

    def holds(self, place: Path) -> bool:
        """Whether `place`, where a process is at work, is the folder."""
        try:
            return place.samefile(self.folder)
        except OSError:
            return False

    def ended(self) -> dict[int, dict[str, Any]]:
        """{index: {status, host, start, end}} of its jobs whose tasks wrote how they ended.

        What has been judged is no job of it any more, and its file is not opened again.
        """
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return {}
        indices = [int(n[:-5]) for n in names if n.endswith(".json") and n[:-5].isdigit()]
        found = {index: self.status(index) for index in indices if index in self.jobs}
        return {index: status for index, status in found.items() if status is not None}

    def status(self, index: int) -> dict[str, Any] | None:
        """How a task ended, by its own word; None where it has not said so."""
        try:
            return json.loads((self.folder / f"{index}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def said(self, index: int) -> str:
        """The last of what the scheduler itself wrote of a task."""
        try:
            return (self.folder / f"{index}.out").read_text("utf-8", "replace")[-TAIL:]
        except OSError:
            return ""

    def remove(self) -> None:
        """Remove the folder, and the one around it where it is empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()


def new_array(jobs: Iterable[Job], attempts: dict[Job, int], nodes: int = 1) -> Array:
    """An array of `jobs` with its folder, and the folders of its logs; each on so many nodes.

    Raises UserError.
    """
    listed = dict(enumerate(jobs, 1))
    name = f"antispoof-{uuid.uuid4().hex}"
    folder = listed[1].log.parent.absolute() / ".jobs" / name
    tasks = {}
    folder.mkdir(parents=True)
    for index, job in listed.items():
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.sweep()
        job.progress = folder / f"{index}.progress"
        tasks[str(index)] = {
            "words": job.words,
            "command": job.command(),
            "log": str(job.log.absolute()),
            "environment": {"ANTISPOOF_PROGRESS": str(job.progress)},
            "attempt": attempts[job],
        }
    for job in listed.values():
        if "\n" in str(job.log) or "\0" in "".join(job.words):
            raise UserError(f"{job.log}: wanted a name without a line feed, and words without \\0")
    call = {"name": name, "folder": str(Path.cwd()), "nodes": nodes, "tasks": tasks}
    write_json(folder / "tasks.json", call)
    with atomic_open(folder / "task.sh") as stream:
        stream.write(SCRIPT)
    return Array(name, folder, listed)
