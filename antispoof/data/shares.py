"""A share of a job: what one process alone may write at a time, and two may not spoil.

A lock keeps a second process away where the file system has locks that all machines see. Where it
has none, each process writes into a file of its own under the same name: the one that came last has
the name, and an earlier one notices when it ends.
"""

import contextlib
import errno
import fcntl
import glob
import io
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ..errors import UserError
from ..files import await_file, sync_folder

BLOCK = 1 << 20
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # of a file system


def open_share(path: str | Path) -> IO[str]:
    """Open `path`, a share's notes, to read and add; what another process opened is another file.

    Raises UserError where a process that is alive has it, as far as locks show that.
    """
    path = Path(path)
    with open(path, "a+", encoding="utf-8", newline="\n") as stream:
        if not (_lock(stream) and owns(stream, path)):  # or renamed: its owner was about to end
            raise UserError(
                f"{path}: another process works on the same share; wait for it, or end it"
            )
        stream.seek(0)
        own = fresh(path, stream.read().encode())
    return io.TextIOWrapper(own, encoding="utf-8", newline="\n", write_through=True)


def fresh(path: Path, data: bytes = b"") -> IO[Any]:
    """A new file `path` that holds `data`, locked, open at its start; the old one has no name."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    stream = open(temporary, "w+b")  # noqa: SIM115 - the caller closes it
    try:
        _lock(stream)
        stream.write(data)
        stream.flush()
        stream.seek(0)
        os.replace(temporary, path)
    except BaseException:
        stream.close()
        temporary.unlink(missing_ok=True)
        raise
    for left_over in path.parent.glob(f"{glob.escape(path.name)}.*.tmp"):  # of a killed process
        left_over.unlink(missing_ok=True)
    return stream


def copy_start(old: IO[bytes], new: IO[bytes], count: int) -> None:
    """Write the first `count` bytes of a stream into another."""
    old.seek(0)
    while block := old.read(min(BLOCK, count)):
        new.write(block)
        count -= len(block)


def owns(stream: IO[Any], path: str | Path) -> bool:
    """Whether `path` names the file that `stream` has open."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    return False


def publish(stream: IO[Any], part: Path, path: Path) -> None:
    """Sync the open file `part`, rename it to `path`, and sync the folder.

    Raises UserError where another process has put a file of its own under the name of `part`.
    """
    stream.flush()
    os.fsync(stream.fileno())
    if owns(stream, part):
        os.replace(part, path)
    elif not owns(stream, path):
        raise UserError(f"{part}: another process took this share over; leave it to that one")
    sync_folder(path.parent)


def all_there(notes: Iterable[Path], wait: bool = False) -> bool:
    """Whether all the `notes` of shares, in one folder, are there.

    wait: each was written, and one that is not seen yet is waited for. The folder is read again,
    so that of two jobs that end at once on two machines one sees the other's. Raises UserError
    where one does not come in time.
    """
    notes = list(notes)
    for note in notes if wait else ():
        await_file(note)
    with contextlib.suppress(FileNotFoundError):
        return {note.name for note in notes} <= set(os.listdir(notes[0].parent))
    return False


def _lock(stream):
    """Whether `stream` is this process's, as far as locks show that."""
    try:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True
