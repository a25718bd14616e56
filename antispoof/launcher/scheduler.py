"""What a launcher asks of any scheduler, and what it hears."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Away(Exception):
    """The scheduler does not answer; its jobs may be well."""


@dataclasses.dataclass(frozen=True)
class State:
    """Of one task: the scheduler's word and reason, and what they mean.

    over: it does not run any more; lost: not by its own fault; never: it can never begin;
    meaning: in words, why it ended.
    """

    word: str
    reason: str = ""
    over: bool = False
    lost: bool = False
    never: bool = False
    meaning: str = ""


class Scheduler(Protocol):
    """See antispoof.launcher.slurm.Slurm."""

    name: str

    def submit(
        self, folder: Path, name: str, words: Sequence[str], count: int, slots: int
    ) -> str: ...

    def states(self, name: str, job: str) -> dict[int, State]: ...

    def meaning(self, text: str) -> str: ...

    def cancel(self, name: str, job: str, waiting: bool = False) -> None: ...

    def after(self, name: str, job: str) -> list[str]: ...

    def kept(self) -> list[str]: ...
