"""How often a job was submitted, and whether it is submitted again.

A job that nodes or the scheduler lost is, up to a number of retries. So is one that resumes when
its time limit comes. An attempt that made progress counts for nothing: a training that needs ten
time limits gets them.
"""

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .job import Job
from .scheduler import LIMIT
from .verdicts import Verdict

Mark = tuple[int, int, int] | None


def mark_of(path: Path | None) -> Mark:
    """What tells a file from the one of this name before; None where there is none."""
    if path is None:
        return None
    with contextlib.suppress(OSError):
        os.listdir(path.parent)  # a file server then says what is new
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Tries:
    """The submissions of `jobs`, of which `retries` may be in vain before the last one."""

    def __init__(self, jobs: Iterable[Job], retries: int) -> None:
        self.retries = retries
        self.submitted = dict.fromkeys(jobs, 0)
        self.vain = dict(self.submitted)
        self.marks: dict[Job, Mark] = {}
        self.ahead: set[Job] = set()  # whose last attempt made progress

    def begin(self, jobs: Iterable[Job]) -> None:
        """Note that jobs are submitted, or were before and are found."""
        for job in jobs:
            self.submitted[job] += 1
            self.marks[job] = mark_of(job.resumes)

    def said_of(self, jobs: Sequence[Job]) -> str:
        """What is said of `jobs`, at least one, that are submitted again."""
        first = jobs[0]
        if first in self.ahead:
            why = first.reason.partition(";")[0]
            return f"submits {len(jobs)} again: {why}; it goes on from {first.resumes}"
        lost = "" if LIMIT in first.reason else " that were lost"
        return f"submits {len(jobs)} again{lost}: {first.reason}"

    def again(self, job: Job, verdict: Verdict) -> bool:
        """Whether a job is to be submitted again; notes in its reason where it made no progress."""
        if not verdict.lost and not (job.resumes and verdict.limit):
            return False
        self.ahead.discard(job)
        if self.marks[job] != mark_of(job.resumes):
            self.ahead.add(job)
            self.vain[job] = 0
        if verdict.taken or job in self.ahead:
            return True
        self.vain[job] += 1
        if job.resumes:
            times = f" in {self.vain[job]} attempts" if self.vain[job] > 1 else ""
            job.reason += f"; {job.resumes} is no newer than before{times}"
        return self.vain[job] <= self.retries
