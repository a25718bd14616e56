"""What became of a task, by the status that it wrote and by what its scheduler says."""

import dataclasses
from typing import Any

from .scheduler import LIMIT, State


@dataclasses.dataclass(frozen=True)
class Verdict:
    """status: of the command, 0 for well; lost: to be submitted again; ended: the task said so.

    taken: lost to others, which is no attempt in vain; limit: its time limit ended it.
    """

    status: int
    reason: str = ""
    lost: bool = False
    taken: bool = False
    cancelled: bool = False
    limit: bool = False
    ended: bool = False


def judge(
    ended: dict[str, Any] | None, state: State | None, said: str, late: bool
) -> Verdict | None:
    """The verdict on a task; None where nothing can be said yet.

    ended: what it wrote itself; state: what the scheduler says, None where it was not asked or did
    not answer; said: what the scheduler's own output of the task means; late: whether the task is
    over for so long that its status would be there.
    """
    if ended and not ended["status"]:
        return Verdict(0, ended=True)
    # its end may come from the scheduler, which says why once the task is over
    if ended and state and (said or state.over or alone(ended)):
        if state.lost and state.word != "GONE":
            why, taken = describe(state), state.taken
            return Verdict(ended["status"], why, lost=True, taken=taken, ended=True)
        why = said or state.meaning or f"status {ended['status']} on {ended['host']}"
        return Verdict(ended["status"], why, ended=True, limit=why == LIMIT)
    if ended or not state or not (late or (said and state.over)):
        return None
    if said or (state.meaning and not state.lost):
        why = said or state.meaning
        return Verdict(-9, why, cancelled=state.word == "CANCELLED", limit=why == LIMIT)
    return Verdict(-9, describe(state), lost=True, taken=state.taken)


def alone(ended: dict[str, Any]) -> bool:
    """Whether nobody but the command itself has a part in how it ended."""
    return ended["status"] > 0 and not ended.get("signal") and ended.get("nodes", 1) == 1


def describe(state: State) -> str:
    reason = f" ({state.reason})" if state.reason not in ("", "None") else ""
    return f"the scheduler says {state.word}{reason}, and the task says nothing"
