"""What is asked of Grid Engine: qsub, qstat and qdel, each called directly and without a shell.

Jobs are known by names that are drawn at random. `qsub -sync y` is never used: it says that a
deleted task ended well, and waits for ever for one in the error state. Grid Engine expands `$HOME`
in names of folders and cuts an argument at a line feed: the script itself opens its output.
"""

import os
import pwd
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from ..errors import UserError
from .scheduler import Away, State

AWAY = re.compile(
    r"(?i)commlib|to qmaster|contact|got (send|select|read) error|no response|timeout|timed out"
    r"|connection refused|temporarily|try again"
)
SAID = {  # what a task notes in its own output
    "signal SIGUSR1": "its time limit came; ask for more with --time",
}
CANCELLED = State("CANCELLED", over=True, meaning="somebody cancelled it")


class Sge:
    """A Grid Engine, the one that SGE_ROOT and SGE_CELL or the system name."""

    name = "sge"

    def __init__(self) -> None:
        self.deleted: dict[str, set[int]] = {}  # {name: tasks} that this launcher deleted

    def submit(self, folder: Path, name: str, words: Sequence[str], count: int, slots: int) -> str:
        """Submit FOLDER/task.sh with `words` as an array of `count` tasks; returns its id.

        Its flags stand in front of `--`. Raises Away, or UserError with what Grid Engine says.
        """
        flags, arguments = words[: words.index("--")], words[words.index("--") + 1 :]
        if any("\n" in word for word in arguments):
            raise UserError(f"{folder}: wanted a folder without a line feed in its name")
        call = ["qsub", "-terse", "-N", name, "-t", f"1-{count}", "-tc", str(slots)]
        call += ["-r", "n", "-V", "-S", "/bin/sh", "-wd", "/", "-j", "y", "-o", "/dev/null"]
        said = ask([*call, "-w", "e", *flags, "task.sh", *arguments], folder)
        return said.split()[-1].partition(".")[0]  # a site's own lines stand in front

    def states(self, name: str, job: str) -> dict[int, State]:
        """{task: its state} of the job of this name that Grid Engine knows; raises Away."""
        user = pwd.getpwuid(os.getuid()).pw_name
        said = ask(["qstat", "-xml", "-f", "-g", "d", "-u", user])
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
                    found[task] = self.state(name, entry.findtext("state") or "", silent)
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
        said = ask(["qstat", "-j", name], gone="do not exist")
        found = re.search(r"(?m)^error reason\s+\d+:\s*(?:\S+ \S+ \[\S+\]: )?(.*)", said)
        return found[1] if found else "error state"

    def meaning(self, text: str) -> str:
        """What the output of a task says of its end; empty where nothing."""
        return next((meaning for words, meaning in SAID.items() if words in text), "")

    def cancel(self, name: str, job: str, waiting: bool = False) -> None:
        """Delete the job, or those of its tasks that have not begun; raises Away."""
        if not waiting:
            ask(["qdel", name], gone="does not exist")
            return
        states = self.states(name, job)
        begun = {task for task, state in states.items() if "q" not in state.word}
        for first, last in ranges(states.keys() - begun):
            ask(["qdel", name, "-t", f"{first}-{last}"], gone="does not exist")
            self.deleted.setdefault(name, set()).update(range(first, last + 1))

    def after(self, name: str, job: str) -> list[str]:
        """Words of qsub: begin when that job has ended, well or not."""
        return ["-hold_jid", name]

    def kept(self) -> list[str]:
        """Words of qsub: where its node dies, the job begins again."""
        return ["-r", "y"]


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The (first, last) of the runs in numbers: [1, 2, 5] gives [(1, 2), (5, 5)]."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def ask(call: Sequence[str], folder: Path | None = None, gone: str = "") -> str:
    """What a command of Grid Engine says. Raises Away where no qmaster answers, else UserError.

    `gone` is what an error says where there is no such job, which is no error.
    """
    environment = {key: value for key, value in os.environ.items() if "SLURM_ARRAY" not in key}
    try:
        done = subprocess.run(
            call,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,  # Ctrl-C is for the launcher, which deletes what there is
        )
    except FileNotFoundError:
        raise UserError(
            f"--cluster: no {call[0]} here; is this a machine of the cluster?"
        ) from None
    except subprocess.TimeoutExpired:
        raise Away(f"{call[0]} does not end") from None
    said = " ".join(f"{done.stderr} {done.stdout}".split())
    if done.returncode == 0 or (gone and gone in said):
        return done.stdout
    if AWAY.search(said):
        raise Away(said)
    raise UserError(f"{call[0]}: {said or f'status {done.returncode}'}")
