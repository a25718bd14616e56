"""A file next to each log that says which task of a scheduler is at work on it: `LOG.job`.

A launcher that was killed and is started again finds its work by it. The safe way: it waits for
what runs with the same command, on inputs with the same sums, and with the same words for the
scheduler, and takes what ended well in between as done. Anything else it cancels, sees that it is
gone, and starts again; every worker resumes.
"""

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.json_files import read_json, write_json
from ..errors import UserError
from .array import Array
from .job import Job
from .kept import born


def path_of(job: Job) -> Path:
    return job.log.with_name(job.log.name + ".job")


def meant(job: Job, flags: Sequence[str]) -> dict[str, Any]:
    """What a task is to do, to be compared."""
    lines = job.stamp.lines if job.stamp else []
    return {"words": job.words, "stamp": lines, "flags": list(flags), "cwd": os.getcwd()}


def write(array: Array, flags: Sequence[str], scheduler: str = "") -> None:
    """Write the record of each job of an array, before it is submitted."""
    own = {"host": socket.gethostname(), "pid": os.getpid(), "born": born(os.getpid())}
    own["scheduler"] = scheduler
    for index, job in array.jobs.items():
        place = {"name": array.name, "folder": str(array.folder), "index": index}
        write_json(path_of(job), {**place, **own, "meant": meant(job, flags)})


def place_of(job: Job) -> tuple[str, Array] | None:
    """(scheduler, array with this job) by the record of a job; None where there is none."""
    if not path_of(job).exists():  # which is not waited for, also in a job of a scheduler
        return None
    try:
        found = read_json(path_of(job))
        array = Array(found["name"], Path(found["folder"]), {int(found["index"]): job}, found=True)
        return found["scheduler"], array
    except (UserError, OSError, KeyError, TypeError, ValueError):
        return None


def remove(job: Job) -> None:
    with contextlib.suppress(FileNotFoundError):
        path_of(job).unlink()


def read(jobs: Sequence[Job], flags: Sequence[str]) -> tuple[list[Array], list[Array]]:
    """(arrays of tasks that are meant the same, arrays of others) of what another launcher left.

    An array may be in both, each time with the tasks that are jobs of this call. Raises UserError
    where that launcher still is at work.
    """
    arrays: dict[tuple[str, bool], Array] = {}
    for job in jobs:
        if not path_of(job).exists():
            continue
        try:
            found = read_json(path_of(job))
            name, folder, index = found["name"], Path(found["folder"]), int(found["index"])
            owner, same = (found["host"], found["pid"], found["born"]), found["meant"]
        except (UserError, KeyError, TypeError, ValueError):
            remove(job)
            continue
        pid = int(owner[1])
        if owner[0] == socket.gethostname() and pid != os.getpid() and owner[2] == born(pid) != "":
            raise UserError(f"{job.log}: another run is at work on this; wait for it, or end it")
        key = name, same == meant(job, flags)
        arrays.setdefault(key, Array(name, folder, {}, found=True)).jobs[index] = job
        job.progress = folder / f"{index}.progress"
    for array in arrays.values():
        array.await_submission()
    same_ones, others = (
        [array for (_, is_same), array in arrays.items() if is_same == wanted]
        for wanted in (True, False)
    )
    return same_ones, others


def clear(array: Array) -> None:
    """Remove the folder of an array of which nothing is left; tasks of other calls are."""
    try:
        tasks = read_json(array.folder / "tasks.json")["tasks"] if array.found else {}
        for task in tasks.values():
            record = Path(f"{task['log']}.job")
            if record.exists() and read_json(record)["name"] == array.name:
                return
    except (UserError, KeyError, TypeError, AttributeError):  # a folder that is no array's
        pass
    array.remove()


def forget(array: Array) -> None:
    """Nothing is at work on the jobs of an array any more."""
    for job in array.jobs.values():
        remove(job)
    clear(array)
