"""What is asked of Slurm: sbatch, squeue and scancel, each called directly and without a shell.

Jobs are known by names that are drawn at random: an id may be given again after a controller died.
`squeue` alone is asked for states. `sacct` needs a database, and `sbatch --wait` looks 2, 10 and
42 seconds after the start alone.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from .scheduler import Away, State

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
    "TIMEOUT": "its time limit came; ask for more with --time",
    "DEADLINE": "its deadline came",
    "OUT_OF_MEMORY": "it exceeded its memory; ask for more with --mem",
    "CANCELLED": "somebody cancelled it",
}
SAID = {  # what Slurm writes into a task's own output
    r"exceeded memory limit|oom.kill": MEANING["OUT_OF_MEMORY"],
    r"DUE TO TIME LIMIT": MEANING["TIMEOUT"],
}


class Slurm:
    """A Slurm cluster, the one that SLURM_CONF or the system names."""

    name = "slurm"

    def submit(self, folder: Path, name: str, words: Sequence[str], count: int, slots: int) -> str:
        """Submit FOLDER/task.sh with `words` as an array of `count` tasks; returns its id.

        Its flags stand in front of `--`. Raises Away, or UserError with what Slurm says.
        """
        flags, arguments = words[: words.index("--")], words[words.index("--") + 1 :]
        call = ["sbatch", "--parsable", f"--job-name={name}", f"--array=1-{count}%{slots}"]
        call += ["--no-requeue", "--open-mode=append", "--output=%a.out", "--export=ALL"]
        call += ["--ntasks=1", *flags, "task.sh", *arguments]
        return ask(call, folder).strip().partition(";")[0]

    def states(self, name: str, job: str) -> dict[int, State]:
        """{task: its state} of the job of this name that Slurm knows; raises Away."""
        chosen = ["-j", job] if job else ["-u", str(os.getuid()), "-n", name]
        call = ["squeue", "-h", "-r", "-t", "all", *chosen, "-o", "%K|%T|%r|%j"]
        found = {}
        for line in ask(call, gone=GONE).splitlines():
            task, state, reason, own = line.strip().split("|", 3)
            if own == name and task.isdigit():
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
            never=bool(never),
            meaning=MEANING.get(word, ""),
        )

    def meaning(self, text: str) -> str:
        """What the scheduler's own output of a task says of its end; empty where nothing."""
        return next((m for pattern, m in SAID.items() if re.search(pattern, text)), "")

    def cancel(self, name: str, job: str, waiting: bool = False) -> None:
        """Cancel the job, or those of its tasks that have not begun; raises Away."""
        chosen = ["-t", "PENDING"] if waiting else []
        ask(["scancel", "-n", name, *chosen, *([job] if job else [])], gone=GONE)

    def after(self, name: str, job: str) -> list[str]:
        """Words of sbatch: begin when that job has ended well; leave the queue where it did not."""
        return [f"--dependency=afterok:{job}", "--kill-on-invalid-dep=yes"]

    def kept(self) -> list[str]:
        """Words of sbatch: where its node dies, the job begins again."""
        return ["--requeue"]


def ask(call: Sequence[str], folder: Path | None = None, gone: str = "") -> str:
    """What a command of Slurm says. Raises Away where no controller answers, else UserError.

    `gone` matches what an error says where there is no such job, which is no error.
    """
    odd = ("SQUEUE_", "SCANCEL_", "SBATCH_WAIT", "SBATCH_ARRAY")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(odd)}
    try:
        done = subprocess.run(
            call,
            cwd=folder,
            env=environment,
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
    if done.returncode == 0 or (gone and re.search(gone, done.stderr)):
        return done.stdout
    said = " ".join(done.stderr.split()) or f"status {done.returncode}"
    if AWAY.search(said):
        raise Away(said)
    raise UserError(f"{call[0]}: {said}")
