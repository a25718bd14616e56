"""What a launcher does while its jobs run: it hears signals, and shows progress."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

from .job import Job


class Ended(list[int]):
    """The exit status for each signal that is to end this launcher; `last`: when one came."""

    last = 0.0

    def append(self, status: int) -> None:
        self.last = time.monotonic()
        super().append(status)


def note_signals() -> Ended:
    """The list to which a signal that is to end this launcher adds its exit status.

    Noted, and acted on between jobs: one that has just begun must not be left behind.
    """
    ended = Ended()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as by nohup
            signal.signal(number, lambda number, _: ended.append(128 + number))
    return ended


def show(running: Iterable[Job], state: dict[str, float] = {"next": 0.0}) -> None:  # noqa: B006 - one clock
    """Write the progress of jobs, from time to time: in one line of a terminal, or in lines."""
    now = time.monotonic()
    if now < state["next"]:
        return
    state["next"] = now + (0.5 if sys.stderr.isatty() else 30.0)
    lines = []
    for path in [job.progress for job in running if job.progress]:
        with contextlib.suppress(OSError):
            lines.append(path.read_text("utf-8"))
    if lines and sys.stderr.isatty():
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # 0: not known
        sys.stderr.write("\r\033[K" + " | ".join(lines)[:width])
        sys.stderr.flush()
    elif lines:
        sys.stderr.write("".join(f"  {line}\n" for line in lines))


def clear() -> None:
    """Remove the line of progress from a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
