"""What a launcher asks of any scheduler, and what it hears."""

import abc
import dataclasses
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import UserError

# What would change what the programs do or say; what a launcher inside a task has of its own array;
# the GPUs of this machine, which are not those of a node
ODD = ("SQUEUE_", "SCANCEL_", "SBATCH_WAIT", "SBATCH_ARRAY", "SLURM_ARRAY", "CUDA_VISIBLE_DEVICES")

MORE = "ask for more with defaults.{0} of conf/cluster/NAME.yaml, or --{0} of utils/run.py"
LIMIT = f"its time limit came; {MORE.format('time')}"


class Away(Exception):
    """The scheduler does not answer; its jobs may be well."""


@dataclasses.dataclass(frozen=True)
class State:
    """Of one task: the scheduler's word and reason, and what they mean.

    over: it does not run any more; lost: not by its own fault; taken: its place was given to
    others, as often as the scheduler likes; never: it can never begin; meaning: in words, why it
    ended.
    """

    word: str
    reason: str = ""
    over: bool = False
    lost: bool = False
    taken: bool = False
    never: bool = False
    meaning: str = ""


class Scheduler(abc.ABC):
    """A scheduler, whose programs are called directly and without a shell."""

    name: str
    away: re.Pattern[str]  # matches what its programs say where nobody answers them
    said: dict[str, str]  # {pattern in the output of a task: what it means}

    @abc.abstractmethod
    def submit(self, folder: Path, name: str, words: Sequence[str], count: int, slots: int) -> str:
        """Submit FOLDER/task.sh with `words` as an array of `count` tasks; returns its id.

        Its flags stand in front of `--`. Raises Away, or UserError with what the scheduler says.
        """

    @abc.abstractmethod
    def states(self, name: str, job: str) -> dict[int, State]:
        """{task: its state} of the job of this name that the scheduler knows; raises Away."""

    @abc.abstractmethod
    def cancel(
        self, name: str, job: str, tasks: Sequence[int] | None = None, waiting: bool = False
    ) -> None:
        """Cancel a job, or some of its tasks; with `waiting`, what has not begun. Raises Away."""

    @abc.abstractmethod
    def by_hand(self, name: str, tasks: Sequence[int] | None = None) -> str:
        """What a user types to cancel a job, or some of its tasks."""

    @abc.abstractmethod
    def after(self, name: str, job: str) -> list[str]:
        """Words with which a job begins once that one has ended."""

    @abc.abstractmethod
    def kept(self) -> list[str]:
        """Words with which a job begins again where its node dies."""

    def meaning(self, text: str) -> str:
        """What the scheduler's own output of a task says of its end; empty where nothing."""
        return next((m for pattern, m in self.said.items() if re.search(pattern, text)), "")

    def ask(self, call: Sequence[str], folder: Path | None = None, gone: str = "") -> str:
        """What a program of it says. Raises Away where nobody answers it, else UserError.

        `gone` matches what an error says where there is no such job, which is no error.
        """
        try:
            done = subprocess.run(
                call,
                cwd=folder,
                env={key: value for key, value in os.environ.items() if not key.startswith(ODD)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                start_new_session=True,  # Ctrl-C is for the launcher, which cancels what there is
            )
        except FileNotFoundError:
            raise UserError(
                f"--cluster: no {call[0]} here; is this a machine of the cluster?"
            ) from None
        except subprocess.TimeoutExpired:
            raise Away(f"{call[0]} does not end") from None
        said = " ".join(f"{done.stderr} {done.stdout}".split())
        if done.returncode == 0 or (gone and re.search(gone, said)):
            return done.stdout
        if self.away.search(said):
            raise Away(said)
        raise UserError(f"{call[0]}: {said or f'status {done.returncode}'}")


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The (first, last) of the runs in numbers: [1, 2, 5] gives [(1, 2), (5, 5)]."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
