"""The queue of a stage: lines of JSON, one command each, whose last word is what it makes.

`{"words": [...], "gpu": 1, "shares": 4, "renew": true}`: `shares` calls of one command, in which
{job}/{jobs} is the share of each. `"nodes": 2` runs it once on each of two nodes, with so many GPUs
each. `"resumes": true` says that it goes on from <out>/last.pt where a time limit ended it. Log and
stamp follow from the last word: <out>.log and <out>.done of a file; <out>/log/<verb>.log and
<out>/.done of a folder, which is a last word that ends in /.
"""

import json
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import UserError
from .job import Job
from .reads import program_of, rests_on
from .stamps import Stamp

SHARE = "{job}/{jobs}"
HOW = {"--workers", "--stage-to"}
JOINING = ("extract_ssl.py",)  # workers that join the shares of a command, where called with --join
KEYS = {"words": list, "gpu": int, "shares": int, "renew": bool, "nodes": int, "resumes": bool}


class Task:
    """One line of a queue: what it makes, its log and stamp, and its jobs."""

    def __init__(
        self,
        words: list[str],
        *,
        gpu: int = 0,
        shares: int = 1,
        renew: bool = False,
        nodes: int = 1,
        resumes: bool = False,
    ) -> None:
        self.is_folder = words[-1].endswith("/")
        self.words = [*words[:-1], words[-1].rstrip("/")]
        self.gpu, self.shares, self.renew = gpu, max(1, shares), renew
        self.nodes, self.resumes = max(1, nodes), resumes
        self.out = Path(self.words[-1])
        self.program = program_of(self.words)
        parts = Path(self.program).parts
        self.name = "/".join(parts[-2:]) if parts[0] == "/" else self.program

    def log(self, share: int | str = 1) -> Path:
        """The log of one share."""
        if not self.is_folder:
            return Path(f"{self.out}.log")
        number = f".{share}" if SHARE in self.words else ""
        return self.out / "log" / f"{Path(self.program).stem}{number}.log"

    def record(self) -> str:
        """The command as the stamp holds it: how it runs is no part of what it makes."""
        pairs = zip(["", *self.words], self.words, strict=False)
        kept = [(before, word) for before, word in pairs if not {before, word} & HOW]
        return shlex.join("{nj}" if before == "--nj" else word for before, word in kept)

    def stamp_path(self) -> Path:
        """The file that says that it is done."""
        return self.out / ".done" if self.is_folder else Path(f"{self.out}.done")

    def stamp(self, parents: Callable[[str], Iterable[str]]) -> Stamp:
        """What says that it is done; reads the files that it rests on."""
        rests = rests_on(self.words, parents)
        return Stamp(self.stamp_path(), self.record(), rests, self.renew, self.out)

    def jobs(self, stamp: Stamp, apart: bool = False) -> tuple[list[Job], list[Job]]:
        """Its jobs, and that behind them which joins its shares; the last of all writes the stamp.

        A worker joins shares where it sees that all have ended. `apart`, on other machines, each
        may see the others' files late: a job waits for them, checks that nothing is missing, and
        joins.
        """
        joins = apart and self.shares > 1 and Path(self.program).name in JOINING
        whole = Last(stamp, self.shares + joins)
        found = []
        for share in range(1, self.shares + 1):
            words = [f"{share}/{self.shares}" if w == SHARE else w for w in self.words]
            found.append(Job(words, self.log(share), whole))
            found[-1].makes = self.out if self.shares == 1 else None
            found[-1].resumes = self.out / "last.pt" if self.resumes else None
        *words, out = found[0].words
        return found, [Job([*words, "--join", out], self.log("join"), whole)] if joins else []


class Last(Stamp):
    """A stamp of several jobs, which is written once each of them has ended well."""

    def __init__(self, stamp: Stamp, jobs: int) -> None:
        vars(self).update(vars(stamp))
        self.missing = jobs

    def write(self) -> None:
        self.missing -= 1
        if not self.missing:
            super().write()


def read_queue(lines: Iterable[str]) -> list[Task]:
    """The tasks of a queue. Raises UserError for no task, and where two make one thing."""
    tasks: dict[Path, Task] = {}
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line, strict=False)
            wrong = [key for key, value in found.items() if type(value) is not KEYS.get(key)]
        except (ValueError, AttributeError):
            found, wrong = {}, ["no JSON"]
        words = found.get("words", [])
        if (
            wrong
            or len(words) < 2
            or not all(isinstance(word, str) for word in words)
            or not words[-1].strip("/")
        ):
            raise UserError(
                f'queue:{number}: found {line.strip()!r}, wanted {{"words": [PROGRAM, ..., OUT]}} '
                f"with {', '.join([*KEYS][1:])} where they differ"
            )
        task = Task(**found)
        if task.resumes and not task.is_folder:
            raise UserError(
                f"queue:{number}: {task.out} resumes, wanted a folder, as its last.pt is read"
            )
        if task.out in tasks:
            raise UserError(f"queue:{number}: {task.out} is made by two commands, wanted one")
        tasks[task.out] = task
    return list(tasks.values())
