"""What is asked of Slurm: sbatch, squeue and scancel, each called directly and without a shell.

Jobs are known by names that are drawn at random: an id may be given again after a controller died.
`squeue` alone is asked for states. `sacct` needs a database, and `sbatch --wait` looks 2, 10 and
42 seconds after the start alone.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from .scheduler import LIMIT, MORE, Scheduler, State, ranges

AWAY = re.compile(
    r"(?i)unable to contact|timed out|connect failure|connection refused|temporarily|zero bytes"
    r"|communication|transport endpoint|try again"
)
GONE = r"(?i)invalid job id|already complet"
OVER = {
    *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("BOOT_FAIL", "DEADLINE", "REVOKED", "SPECIAL_EXIT"),
}
LOST = ("NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "REVOKED")
NEVER = re.compile(
    r"(?i)held|^PartitionConfig|^Partition(Node|Time)Limit|^BadConstraints|NeverSatisfied"
    r"|^Invalid|NotAllowed|PerJob|^ReservationDeleted"
)
MEANING = {
    "TIMEOUT": LIMIT,
    "DEADLINE": "its deadline came",
    "OUT_OF_MEMORY": f"it exceeded its memory; {MORE.format('mem')}",
    "CANCELLED": "somebody cancelled it",
}
SAID = {  # what Slurm writes into a task's own output
    r"exceeded memory limit|oom.kill": MEANING["OUT_OF_MEMORY"],
    r"DUE TO TIME LIMIT": MEANING["TIMEOUT"],
}


class Slurm(Scheduler):
    """A Slurm cluster, the one that SLURM_CONF or the system names."""

    name, away, said = "slurm", AWAY, SAID

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}  # {name: id} of the jobs that squeue showed

    def submit(self, folder: Path, name: str, words: Sequence[str], count: int, slots: int) -> str:
        if "\\" in str(folder):  # Slurm would look for its output elsewhere
            raise UserError(f"{folder}: wanted a folder without a backslash in its name")
        flags, arguments = words[: words.index("--")], words[words.index("--") + 1 :]
        call = ["sbatch", "--parsable", f"--job-name={name}", f"--array=1-{count}%{slots}"]
        call += ["--no-requeue", "--open-mode=append", "--export=ALL"]
        call.append(f"--output={str(folder).replace('%', '%%')}/%a.out")
        call += ["--ntasks=1", *flags, "task.sh", *arguments]
        return self.ask(call, folder).strip().partition(";")[0]

    def states(self, name: str, job: str) -> dict[int, State]:
        chosen = ["-j", job] if job else ["-u", str(os.getuid()), "-n", name]
        call = ["squeue", "-h", "-r", "-t", "all", *chosen, "-o", "%K|%T|%r|%F|%j"]
        found = {}
        for line in self.ask(call, gone=GONE).splitlines():
            task, state, reason, number, own = line.strip().split("|", 4)
            if own == name and task.isdigit():
                self.numbers[name] = number
                found[int(task)] = self.state(state, reason)
        return found

    def state(self, word: str, reason: str) -> State:
        """What `word` of squeue means."""
        never = word == "PENDING" and NEVER.search(reason)
        return State(
            word=word,
            reason=reason,
            over=word in OVER,
            lost=word in LOST,
            taken=word == "PREEMPTED",
            never=bool(never),
            meaning=MEANING.get(word, ""),
        )

    def cancel(
        self, name: str, job: str, tasks: Sequence[int] | None = None, waiting: bool = False
    ) -> None:
        chosen = ["-t", "PENDING"] if waiting else []
        if tasks is None:
            chosen += [job] if job else []
        elif self.states(name, job):  # says its number too
            chosen.append(self.some(name, tasks))
        else:
            return
        self.ask(["scancel", "-n", name, *chosen], gone=GONE)

    def some(self, name: str, tasks: Sequence[int]) -> str:
        """How scancel calls some tasks of a job."""
        return f"{self.numbers[name]}_[{','.join(f'{a}-{b}' for a, b in ranges(tasks))}]"

    def by_hand(self, name: str, tasks: Sequence[int] | None = None) -> str:
        if tasks is None or name not in self.numbers:
            return f"scancel -n {name}"
        return f"scancel '{self.some(name, tasks)}'"

    def after(self, name: str, job: str) -> list[str]:
        """Words of sbatch: begin when that job has ended well; leave the queue where it did not."""
        return [f"--dependency=afterok:{job}", "--kill-on-invalid-dep=yes"]

    def kept(self) -> list[str]:
        """Words of sbatch: where its node dies, the job begins again."""
        return ["--requeue"]
