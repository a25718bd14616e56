"""What is asked of Grid Engine: qsub, qstat and qdel, each called directly and without a shell.

Jobs are known by names that are drawn at random. `qsub -sync y` is never used: it says that a
deleted task ended well, and waits for ever for one in the error state. Grid Engine expands `$HOME`
in names of folders and cuts an argument at a line feed: the script itself opens its output.
"""

import os
import pwd
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ..errors import UserError
from .scheduler import LIMIT, Away, Scheduler, State, ranges

AWAY = re.compile(
    r"(?i)commlib|to qmaster|contact|got (send|select|read) error|no response|timeout|timed out"
    r"|connection refused|temporarily|try again"
)
SAID = {  # what a task notes in its own output
    "signal SIGUSR1": LIMIT,
}
CANCELLED = State("CANCELLED", over=True, meaning="somebody cancelled it")


class Sge(Scheduler):
    """A Grid Engine, the one that SGE_ROOT and SGE_CELL or the system name."""

    name, away, said = "sge", AWAY, SAID

    def __init__(self) -> None:
        self.deleted: dict[str, set[int]] = {}  # {name: tasks} that somebody deleted

    def submit(self, folder: Path, name: str, words: Sequence[str], count: int, slots: int) -> str:
        flags, arguments = words[: words.index("--")], words[words.index("--") + 1 :]
        if any("\n" in word for word in arguments):
            raise UserError(f"{folder}: wanted a folder without a line feed in its name")
        call = ["qsub", "-terse", "-N", name, "-t", f"1-{count}", "-tc", str(slots)]
        call += ["-r", "n", "-V", "-S", "/bin/sh", "-wd", "/", "-j", "y", "-o", "/dev/null"]
        said = self.ask([*call, "-w", "e", *flags, "task.sh", *arguments], folder)
        return said.split()[-1].partition(".")[0]  # a site's own lines stand in front

    def states(self, name: str, job: str) -> dict[int, State]:
        user = pwd.getpwuid(os.getuid()).pw_name
        said = self.ask(["qstat", "-xml", "-f", "-g", "d", "-u", user])
        try:
            root = ElementTree.fromstring(said)
        except ElementTree.ParseError as error:
            raise Away(f"qstat is not understood: {error}") from None
        found = dict.fromkeys(self.deleted.get(name, ()), CANCELLED)
        places = [(queue.findtext("state") or "", queue) for queue in root.iter("Queue-List")]
        for silent, place in [*places, *(("", part) for part in root.findall("job_info"))]:
            for entry in place.iter("job_list"):
                if entry.findtext("JB_name") == name:
                    task = int(entry.findtext("tasks") or 1)
                    word = entry.findtext("state") or ""
                    found[task] = self.state(name, word, silent)
                    if "d" in word:  # seen while it ends; after that, qstat knows nothing of it
                        self.deleted.setdefault(name, set()).add(task)
        return found

    def state(self, name: str, word: str, queue: str) -> State:
        """What `word` of qstat means for a task in a queue of the state `queue`."""
        if "u" in queue and "q" not in word:
            return State(word, "its node does not answer", over=True, lost=True)
        if "E" in word:
            return State(word, f"{word} ({self.why(name)})", never=True)
        held = "h" in word and "q" in word
        return State(word, f"{word} (the job is held)" if held else "", never=held)

    def why(self, name: str) -> str:
        """Why a job is in the error state."""
        said = self.ask(["qstat", "-j", name], gone="do not exist")
        found = re.search(r"(?m)^error reason\s+\d+:\s*(?:\S+ \S+ \[\S+\]: )?(.*)", said)
        return found[1] if found else "error state"

    def cancel(
        self, name: str, job: str, tasks: Sequence[int] | None = None, waiting: bool = False
    ) -> None:
        if tasks is None and not waiting:
            self.ask(["qdel", name], gone="does not exist")
            return
        states = self.states(name, job)
        chosen = set(states if tasks is None else tasks)
        if waiting:
            chosen &= {task for task, state in states.items() if "q" in state.word}
        for first, last in ranges(chosen & states.keys()):
            self.ask(["qdel", name, "-t", f"{first}-{last}"], gone="does not exist")
            self.deleted.setdefault(name, set()).update(range(first, last + 1))

    def by_hand(self, name: str, tasks: Sequence[int] | None = None) -> str:
        parts = [f" -t {first}-{last}" for first, last in ranges(tasks or ())] or [""]
        return "; ".join(f"qdel {name}{part}" for part in parts)

    def after(self, name: str, job: str) -> list[str]:
        """Words of qsub: begin when that job has ended, well or not."""
        return ["-hold_jid", name]

    def kept(self) -> list[str]:
        """Words of qsub: where its node dies, the job begins again."""
        return ["-r", "y"]
