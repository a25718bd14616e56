"""What a launcher does with tasks that a killed one left: see antispoof.launcher.records.

Task by task: what ended well or runs, and is meant the same, is taken over. What runs and is meant
otherwise is cancelled. That, and what failed or was lost, is to be submitted again.
"""

from collections.abc import Sequence
from functools import partial

from ..errors import UserError
from . import records
from .array import Array
from .cancelling import cancel
from .job import Job
from .talk import Talk
from .watching import Ended


def adopt(jobs: Sequence[Job], flags: Sequence[str], talk: Talk, ended: Ended) -> list[Array]:
    """The arrays of the tasks that are taken over; of the other jobs nothing is in the queue.

    Raises UserError where another launcher is at work on a job, or what is cancelled does not go.
    """
    same, drop = records.read(jobs, flags)
    kept = []
    for array in same:
        keep = worth(array, talk)
        kept += [array.only(keep)] if keep else []
        drop += [array.only(array.jobs.keys() - keep)] if array.jobs.keys() - keep else []
    left = cancel([array for array in drop if runs(array, talk)], talk.scheduler, ended)
    talk.heed()
    for array in left:
        job = next(iter(array.jobs.values()))
        raise UserError(
            f"{job.log}: found a task that was submitted before and does not go, wanted none; "
            f"cancel it: {talk.scheduler.by_hand(array.name, array.part())}"
        )
    for array in drop:
        records.forget(array)
    return kept


def worth(array: Array, talk: Talk) -> set[int]:
    """The tasks of an array that ended well, or run."""
    states = talk.ask(partial(talk.scheduler.states, array.name, array.number), wait=True)
    ended = array.ended()
    well = {task for task, one in ended.items() if not one["status"]}
    there = {task for task, state in states.items() if not state.over}
    return (well | (there - ended.keys())) & array.jobs.keys()


def runs(array: Array, talk: Talk) -> bool:
    """Whether tasks of an array are in the queue."""
    states = talk.ask(partial(talk.scheduler.states, array.name, array.number), wait=True)
    return any(not state.over for task, state in states.items() if array.has(task))
