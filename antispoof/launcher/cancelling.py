"""How tasks leave the queue: they are cancelled, and seen to be gone.

A controller that dies forgets a cancel, so it is said again until the tasks are gone. Ctrl-C in a
terminal reaches the launcher and the shell above it, which passes it on: one signal is often two.
So every array is cancelled at least once, and only a signal that comes later ends the wait.
"""

import contextlib
import time
from collections.abc import Sequence

from ..errors import UserError
from .array import Array
from .scheduler import Away, Scheduler
from .watching import Ended

PATIENCE = 60.0  # seconds in which what is cancelled has to be gone
HURRY = 2.0  # seconds after which a further signal asks for haste


def cancel(arrays: Sequence[Array], scheduler: Scheduler, ended: Ended) -> list[Array]:
    """Cancel the tasks of arrays; returns the arrays of which some may still be there."""
    began, left = time.monotonic(), list(arrays)
    while left:
        left = [array for array in left if not is_gone(array, scheduler)]
        if time.monotonic() - began > PATIENCE or ended.last > began + HURRY:
            break
        time.sleep(0.3 if left else 0)
    return left


def is_gone(array: Array, scheduler: Scheduler) -> bool:
    """Cancel the tasks of an array once; whether none of them is there any more."""
    with contextlib.suppress(Away, UserError):
        scheduler.cancel(array.name, array.number, array.part())
    with contextlib.suppress(Away, UserError):
        states = scheduler.states(array.name, array.number)
        return all(state.over for task, state in states.items() if array.has(task))
    return False
