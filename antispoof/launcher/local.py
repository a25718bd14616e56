"""Jobs as processes of this machine, as many at a time as there are places."""

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence

from .amounts import fitting
from .job import Job, Request
from .jobs import places
from .processes import end
from .watching import clear, note_signals, show


def run(jobs: Sequence[Job], request: Request) -> list[Job]:
    """Run `jobs` while the parent lives; returns the failed, after which none begins.

    Raises SystemExit where a signal ends the launcher; its jobs have ended then.
    """
    slots = fitting(min(request.slots, len(jobs)), request.mem, request.threads)
    free = places(request.gpu, slots)
    waiting, ended = list(jobs), note_signals()
    failed: list[Job] = []
    running: dict[Job, tuple[subprocess.Popen, float]] = {}
    try:
        while (waiting or running) and not ended:
            if request.parent and os.getppid() != request.parent:
                ended.append(143)
                break
            while waiting and free and not failed:
                job = waiting.pop(0)
                job.place = free.pop(0)
                running[job] = (job.start(), time.monotonic())
            if failed and not running:
                break
            time.sleep(0.02)
            show(running)
            for job, (process, started) in list(running.items()):
                if process.poll() is not None:
                    del running[job]
                    free.append(job.place)
                    job.finish(process.returncode, time.monotonic() - started)
                    failed += [job] if job.status else []
    finally:
        end([process for process, _ in running.values()])  # interrupted: leave no job behind
        for job in running:
            job.forget_progress()
        with contextlib.suppress(OSError):  # a terminal that is gone
            clear()
    if ended:
        raise SystemExit(ended[0])
    return failed
