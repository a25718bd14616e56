"""What is said of jobs that failed."""

import shlex
import sys
from collections.abc import Sequence

from ..errors import explain_signal
from .job import Job

TAIL_LINES = 12


def report_failures(failed: Sequence[Job], count: int, cluster: str) -> None:
    """Write what failed of `count` jobs: each on this machine, one for all on a cluster."""
    if cluster == "local":
        for job in failed:
            sys.stderr.write(f"{job.log}: {job.reason}\n" if job.reason else "")
            report_failure(job)
        return
    first = failed[0]
    sys.stderr.write(f"{len(failed)} / {count} failed: {first.log}: {first.reason}\n")
    report_failure(first)


def report_failure(job: Job) -> None:
    """Write the command of a job, the signal that ended it, and the last lines of its log."""
    lines = job.log.read_text("utf-8", errors="replace").splitlines()
    lines = [line for line in lines if not line.startswith("# ")] or ["(it said nothing)"]
    said = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
    signal = "" if job.silent else explain_signal(job.status or 0)
    sys.stderr.write(
        f"failed: {shlex.join(job.words)}\n{signal}  last lines of {job.log}:\n{said}\n"
    )
