"""The queue of a stage as a run leaves it on disk: exp/log/queue/<stage>.jsonl.

A line says who runs it, `{"stage": 3, "of": 6, "what": "train", "host": ..., "pid": ...}`; a line
for each task follows, with `todo` where this call runs it. A stage that runs several queues has
these lines for each. The file is written whole, under a temporary name.
"""

import dataclasses
import json
import os
import re
import socket
import time
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import atomic_open
from .job import Request
from .queue import KEYS, Task

FOLDER = Path("exp/log/queue")


@dataclasses.dataclass(frozen=True)
class Run:
    """One run.sh: the process, and when it was born, where /proc tells it."""

    host: str
    pid: int
    born: str

    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def lives(self) -> bool:
        """Whether it is a process of this machine that has not ended."""
        return self.is_here() and bool(self.born) and self.born == born(self.pid)


@dataclasses.dataclass(frozen=True)
class Call:
    """One queue: [(task, whether this call runs it)], when it began, how many jobs at a time."""

    stage: int
    of: int
    what: str
    run: Run
    started: float
    slots: int
    tasks: list[tuple[Task, bool]] = dataclasses.field(default_factory=list)


def born(pid: int) -> str:
    """When a process of this machine started; empty where there is none, or no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def keep(stage: str, tasks: Sequence[Task], todo: Container[Task], request: Request) -> None:
    """Leave the queue of `stage`, "3 of 6: train", on disk; behind others of the same run."""
    found = re.fullmatch(r"(\d+) of (\d+): (.+)", stage)
    if not found:
        raise UserError(f"--stage {stage}: wanted e.g. '3 of 6: train'")
    pid = request.parent or os.getpid()
    run = Run(socket.gethostname(), pid, born(pid))
    head = {"stage": int(found[1]), "of": int(found[2]), "what": found[3]}
    head |= {**dataclasses.asdict(run), "started": time.time(), "slots": request.slots}
    path = FOLDER / f"{found[1]}.jsonl"
    try:
        before = path.read_text("utf-8") if read(path)[-1].run == run else ""
    except (UserError, OSError):
        before = ""
    lines = [head, *({**line_of(task), "todo": task in todo} for task in tasks)]
    with atomic_open(path) as stream:
        stream.write(before + "".join(json.dumps(line) + "\n" for line in lines))


def line_of(task: Task) -> dict[str, Any]:
    """The line of a queue that says a task."""
    words = [*task.words[:-1], task.words[-1] + "/" * task.is_folder]
    own = {key: getattr(task, key) for key in KEYS if key != "words"}
    return {"words": words, **own}


def read(path: Path) -> list[Call]:
    """The calls of one stage. Raises UserError for a file that `keep` did not write."""
    calls: list[Call] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
            if "words" in found:
                todo = found.pop("todo")
                calls[-1].tasks.append((Task(**found), todo))
            else:
                run = Run(*(found.pop(key) for key in ("host", "pid", "born")))
                calls.append(Call(run=run, **found))
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise UserError(f"{path}:{number}: found {line!r}, wanted a line of a queue") from None
    if not calls:
        raise UserError(f"{path}: is empty, wanted the queue of a stage; run the stage again")
    return calls
