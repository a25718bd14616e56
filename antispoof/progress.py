"""How far a long action has come: a bar on a terminal, a line now and then in a log.

A job of the launcher has a log for its stream and a file, named by ANTISPOOF_PROGRESS, whose one
line the launcher shows; so a bar is seen even where the job itself has no terminal. tqdm writes
neither such a file nor whole lines for a log: with it, this module is longer.
"""

import contextlib
import io
import os
import sys
import time
from typing import TextIO

LOG_SECONDS = 30.0  # a line in a log so often
FILE_SECONDS = 0.5


class Progress:
    """Counts `advance(n)` calls up to `total` and reports rate and time left.

    Args: total: number of steps, or None where nobody knows it; unit: their name ("utterances");
    label: what is being done; quiet: say nothing, as one of several that do the same.
    """

    def __init__(
        self,
        total: int | None,
        unit: str,
        label: str,
        stream: TextIO | None = None,
        quiet: bool = False,
    ) -> None:
        self.total, self.unit, self.label = total, unit, label
        self.stream = io.StringIO() if quiet else stream or sys.stderr
        self.file = None if quiet else os.environ.get("ANTISPOOF_PROGRESS")
        self.done, self.note = 0, ""
        self.started = self.logged = self.filed = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Say that `count` more steps are done; `note` is a short text, e.g. the loss."""
        self.done += count
        self.note = note
        now = time.monotonic()
        if self.stream.isatty() and now - self.logged > 0.2:
            self.logged = now
            self.stream.write("\r\033[K" + self.line())
            self.stream.flush()
        elif not self.stream.isatty() and now - self.logged > LOG_SECONDS:
            self.logged = now
            self.stream.write(self.line() + "\n")
            self.stream.flush()
        if self.file and now - self.filed > FILE_SECONDS:
            self.filed = now
            # a full temporary disk ends no job
            with contextlib.suppress(OSError), open(self.file, "w", encoding="utf-8") as stream:
                stream.write(self.line())

    def line(self) -> str:
        """The state in one line."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        rate = self.done / seconds
        note = f", {self.note}" if self.note else ""
        if self.total is None:
            return f"{self.label} {self.done} {self.unit}, {rate:.1f}/s{note}"
        left = (self.total - self.done) / rate if rate else float("inf")
        filled = int(20 * self.done / max(self.total, 1))
        bar = "#" * filled + "." * (20 - filled)
        return (
            f"{self.label} [{bar}] {self.done}/{self.total} {self.unit}, {rate:.1f}/s, "
            f"{left:.0f} s left{note}"
        )

    def close(self) -> None:
        """End the bar's line on a terminal."""
        if self.stream.isatty():
            self.stream.write("\r\033[K")
            self.stream.flush()
