"""One job of a call: its command, its log, its environment, and what says that it is done."""

import contextlib
import dataclasses
import fcntl
import glob
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ..errors import UserError
from ..paths import find
from .stamps import Stamp


@dataclasses.dataclass(frozen=True)
class Request:
    """What a call asks for.

    slots: jobs at a time; gpu, mem, threads, time: of each job; parent: the process without which
    it ends; cluster: where it runs; retries: None for what the cluster's config says; nodes: on
    which each job's command runs once.
    """

    slots: int = 1
    gpu: int = 0
    parent: int = 0
    cluster: str = "local"
    mem: str = ""
    threads: int = 0
    time: str = ""
    retries: int | None = None
    nodes: int = 1


def progress_path(log: Path) -> Path:
    """Where a job with this log says how far it is, as long as it runs: see utils/status.py."""
    return log.with_name(f".{log.name}.progress")


class Job:
    """A command of `words` with its `log`; `stamp` says that it is done, for all jobs if `shared`.

    resumes: a file from which a later attempt goes on, new after each step of progress; place: its
    CUDA_VISIBLE_DEVICES; None leaves the environment as it is.
    """

    def __init__(
        self, words: Sequence[str], log: Path, stamp: Stamp | None = None, shared: bool = False
    ) -> None:
        self.words, self.log, self.stamp, self.shared = list(words), log, stamp, shared
        self.makes: Path | None = None  # the file or folder that it alone makes
        self.resumes: Path | None = None
        self.place: str | None = None
        self.progress: Path | None = None
        self.status: int | None = None
        self.reason = ""  # why it failed, where its status does not say so
        self.silent = False  # a task of a cluster that wrote no status: others say why it ended

    def command(self) -> list[str]:
        """The words that start it: its program is one of this folder, of the root, or a name."""
        program = str(find(self.words[0]).absolute()) if "/" in self.words[0] else self.words[0]
        prefix = [sys.executable] if program.endswith(".py") else []
        return [*prefix, program, *self.words[1:]]

    def start(self) -> subprocess.Popen:
        """Start the command with its log, on the GPUs of its place; returns the process."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.progress = progress_path(self.log)
        environment = dict(os.environ, ANTISPOOF_PROGRESS=str(self.progress))
        if self.place is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self.place
        # One thread, unless the user says otherwise: another number rounds in another way, and the
        # threads of jobs that share cores spend their time waiting for each other.
        environment.setdefault("OMP_NUM_THREADS", "1")
        command = self.command()
        with open(self.log, "a", encoding="utf-8") as log:
            self.lock(log)
            log.truncate(0)
            self.forget_progress()
            self.sweep()
            log.write(f"# {shlex.join(self.words)}\n# started {time.strftime('%F %T')}\n")
            log.flush()
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def lock(self, log: IO[str]) -> None:
        """Hold `log` as long as the job or its child lives, even where this launcher is killed."""
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{self.log}: another run is at work on this; wait for it, or end it"
            ) from None

    def sweep(self) -> None:
        """Remove what an attempt that was killed left under temporary names of what it makes."""
        if self.makes is None:
            return
        where, names = self.makes, "**/.*.tmp"
        if not where.is_dir():
            where, names = where.parent, f".{glob.escape(where.name)}.*.tmp"
        for left_over in where.glob(names):
            left_over.unlink(missing_ok=True)

    def forget_progress(self) -> None:
        """Remove what it said of its progress: it has ended."""
        with contextlib.suppress(OSError):
            progress_path(self.log).unlink(missing_ok=True)

    def finish(self, status: int, seconds: float) -> None:
        """Note how the command ended, in its log too."""
        self.forget_progress()
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"# ended with status {status} after {seconds:.0f} s\n")
        self.settle(status)

    def settle(self, status: int) -> None:
        """Note the status; where all went well and the job stands for itself, write its stamp.

        What rests on an input that changed meanwhile is not done: nobody knows what was read.
        """
        self.status = status
        if status == 0 and self.stamp and (changed := self.stamp.changed()):
            self.status, self.reason = 1, f"{changed} changed while it ran; run it again"
        elif status == 0 and self.stamp and not self.shared:
            self.stamp.write()
