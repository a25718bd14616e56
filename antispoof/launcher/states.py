"""What became of the jobs of a queue, from files alone: nothing is locked, written or signalled.

A job is done by its stamp, or by the last line of the log of its share; running while its log has
no last line and is locked, or, where another machine runs it, changes; failed by the status in its
last line; stopped where its log has no last line and nobody is at work on it.
"""

import dataclasses
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .job import progress_path
from .kept import Call
from .queue import Task

STATES = ("done", "running", "waiting", "failed", "stopped")
SILENT = 600.0  # seconds without a change after which a job of another machine counts as stopped
LATE = (2.0, 0.05)  # seconds that its clock, and that of this machine's files, may be behind
TAIL = 8192  # bytes of a log that are read at each end
BEGUN = re.compile(r"^# started (\d+-\d+-\d+ \d+:\d+:\d+)", re.MULTILINE)
ENDED = re.compile(r"^# ended with status (-?\d+) after (\d+) s", re.MULTILINE)
LEFT = re.compile(r" (\d+) s left")


@dataclasses.dataclass(frozen=True)
class State:
    """A job: the word for its state, its log, its program, its seconds so far, and what it says."""

    word: str
    log: Path
    program: str
    seconds: float | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Log:
    """What a log says: when its job began, its status, its seconds, its last words."""

    changed: float
    begun: float | None
    status: int | None
    seconds: float | None
    last: str


def read_log(path: Path) -> Log | None:
    """None where there is no log, or none whose first lines are whole."""
    try:
        with open(path, "rb") as stream:
            changed = os.fstat(stream.fileno()).st_mtime
            data = stream.read(TAIL)
            size = stream.seek(0, os.SEEK_END)
            if size > TAIL:
                stream.seek(max(TAIL, size - TAIL))
                data += b"\n" + stream.read(TAIL)
    except OSError:
        return None
    text = data.decode("utf-8", "replace")
    begun, ended = list(BEGUN.finditer(text)), list(ENDED.finditer(text))
    if not begun:
        return None
    try:
        start = time.mktime(time.strptime(begun[-1][1], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):  # a job may write such a line itself
        start = None
    said = [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]
    last = said[-1] if said else ""
    if not ended or ended[-1].start() < begun[-1].start():  # a later attempt has begun
        return Log(changed, start, None, None, last)
    return Log(changed, start, int(ended[-1][1]), float(ended[-1][2]), last)


def locked_files() -> set[int] | None:
    """The inodes that processes of this machine hold a lock on; None where nothing tells them."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    return {int(found[1]) for line in lines if (found := re.search(r"FLOCK .*:(\d+) 0 EOF", line))}


def changed(path: Path) -> float:
    """When a file changed last; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def progress_of(log: Path) -> Path:
    """The file in which a job says how far it is; a task of a scheduler has it in its folder."""
    try:
        record = json.loads(log.with_name(f"{log.name}.job").read_text("utf-8"))
        return Path(record["folder"], f"{record['index']}.progress")
    except (OSError, ValueError, KeyError, TypeError):
        return progress_path(log)


def states(call: Call) -> Iterator[State]:
    """The state of each job of a queue."""
    locks = locked_files()
    for task, todo in call.tasks:
        shares: list[int | str] = list(range(1, task.shares + 1))
        if task.shares > 1 and changed(task.log("join")) >= call.started:
            shares.append("join")  # a job of its own, on a cluster
        for share in shares:
            yield _state(task, task.log(share), todo, call, locks)


def _state(task: Task, path: Path, todo: bool, call: Call, locks: set[int] | None) -> State:
    since = call.started - LATE[call.run.is_here()]
    log = read_log(path)
    if not todo:
        return State("done", path, task.program, log.seconds if log else None)
    if log and log.status is None and _at_work(path, log, call, locks):
        return _running(task, path, log)
    stamped = changed(task.stamp_path()) >= since
    if not log or log.changed < since:  # what an earlier run left
        return State("done" if stamped else "waiting", path, task.program)
    if log.status is None and call.run.lives():  # which is about to note how it ended
        return _running(task, path, log)
    if log.status is None:
        return State("stopped", path, task.program, note=log.last)
    if log.status and changed(path.with_name(f"{path.name}.job")) > log.changed:
        return State("waiting", path, task.program, note="it is submitted again")
    if log.status:
        said = f"status {log.status}{log.last and ': '}{log.last}"
        return State("failed", path, task.program, log.seconds, said)
    if stamped or task.shares > 1:
        return State("done", path, task.program, log.seconds)
    word = "running" if call.run.lives() else "stopped"  # between its last line and its stamp
    return State(word, path, task.program, log.seconds, "its stamp is not written")


def _at_work(path: Path, log: Log, call: Call, locks: set[int] | None) -> bool:
    """Whether a process is at work on a log without a last line."""
    there = call.run.is_here() and not path.with_name(f"{path.name}.job").exists()
    if there and locks is not None:
        try:
            return path.stat().st_ino in locks
        except OSError:
            return False
    return time.time() - max(log.changed, changed(progress_of(path))) < SILENT


def _running(task: Task, path: Path, log: Log) -> State:
    try:
        said = progress_of(path).read_text("utf-8", errors="replace")
    except OSError:
        said = ""
    took = None if log.begun is None else max(0.0, time.time() - log.begun)
    return State("running", path, task.program, took, said)


def seconds_left(jobs: Sequence[State], call: Call) -> float | None:
    """What is left of a queue, by what its done jobs of the same program, or of any, took.

    None where no job has ended yet, and those that run do not say it.
    """
    took: dict[str, list[float]] = {}
    for job in jobs:
        if job.word == "done" and job.seconds is not None:
            for key in (job.program, ""):
                took.setdefault(key, []).append(job.seconds)
    left: list[float] = []
    for job in jobs:
        if job.word not in ("running", "waiting"):
            continue
        known = took.get(job.program) or took.get("")
        said = LEFT.search(job.note) if job.word == "running" else None
        if said:
            left.append(float(said[1]))
        elif known:
            begun = job.seconds or 0.0 if job.word == "running" else 0.0
            left.append(max(0.0, sum(known) / len(known) - begun))
        else:
            return None
    gpu = any(task.gpu for task, _ in call.tasks)
    at_once = sum(job.word == "running" for job in jobs) if gpu else call.slots
    return max(max(left), sum(left) / max(1, at_once)) if left else 0.0
