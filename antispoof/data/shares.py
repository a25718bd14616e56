"""A share of a job: what one process alone may write at a time."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TextIO

from ..errors import UserError


def open_share(path: str | Path) -> TextIO:
    """Open `path` to read and add; it is this process's until it is closed, under any name.

    Raises UserError where it is another's.
    """
    stream = open(path, "a+", encoding="utf-8", newline="\n")  # noqa: SIM115 - the caller closes it
    with contextlib.suppress(BlockingIOError, PermissionError, FileNotFoundError):
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(stream.fileno()), os.stat(path)):
            stream.seek(0)
            return stream
    stream.close()  # locked, or renamed since: its owner was about to end
    raise UserError(f"{path}: another process works on the same share; wait for it, or end it")
