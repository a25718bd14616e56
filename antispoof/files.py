"""Files that are whole or absent: written under a temporary name, then renamed.

The bytes are on the disk before the name is, and the name before anything else happens: a power cut
takes nothing that was finished. What another machine wrote may be seen late, and is waited for.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import UserError

PATIENCE = 60.0  # seconds: as long as NFS, by default, may keep an old list of names
SCHEDULED = ("SLURM_JOB_ID", "SGE_TASK_ID")  # set in a job of Slurm, of Grid Engine
UNABLE = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES)  # a folder that cannot be synced


@contextlib.contextmanager
def atomic_path(path: str | Path, sync_name: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it is renamed to `path`, else removed.

    The temporary name starts with a dot and ends in `.tmp`: nothing takes it for an output. Without
    `sync_name`, the caller syncs the folder after its last file.
    """
    path = Path(path)
    if path.is_dir():  # else the error names the temporary file
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())  # a rename must never overtake its bytes
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    if sync_name:
        sync_folder(path.parent)


@contextlib.contextmanager
def atomic_open(path: str | Path, mode: str = "w", sync_name: bool = True) -> Iterator[IO[Any]]:
    """Open `path` for writing (text is UTF-8, LF); it appears only when the block succeeds."""
    options: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with atomic_path(path, sync_name) as temporary:
        try:
            with open(temporary, mode, **options) as stream:
                yield stream
        except OSError as error:
            if error.filename is None:  # a full disk is reported by write(), without a name
                error.filename = str(path)
            raise


def make_folder(path: str | Path) -> None:
    """Make the folder `path` and those above it; what is new is on the disk before this returns."""
    path = Path(path)
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)


def sync_folder(path: str | Path) -> None:
    """Put the names in the folder `path` on the disk, where its file system can do that alone."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # a folder that may be written and not read
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
    finally:
        os.close(number)


def patience() -> float:
    """Seconds to wait for a file that another machine wrote.

    $ANTISPOOF_WAIT, or else PATIENCE in a job of a scheduler and 0 elsewhere. Raises UserError.
    """
    said = os.environ.get("ANTISPOOF_WAIT")
    if said is None:
        return PATIENCE if any(name in os.environ for name in SCHEDULED) else 0.0
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise UserError(f"ANTISPOOF_WAIT: found '{said}', wanted seconds from 0")
    return seconds


def is_there(path: str | Path) -> bool:
    """Whether `path` exists; its folder is read first, so that a file server says what is new."""
    with contextlib.suppress(OSError):
        os.listdir(Path(path).parent)
    return Path(path).exists()


def await_file(path: str | Path) -> None:
    """Return when `path` is there, which another machine wrote, or where there is no `patience`.

    Raises UserError where it has not come by then.
    """
    limit = 0.0 if Path(path).exists() else patience()
    end, pause = time.monotonic() + limit, 0.05
    while limit and not is_there(path):
        if time.monotonic() >= end:
            raise UserError(
                f"{path}: is not there after {limit:g} s of waiting; has the job that writes it "
                "ended? Run its stage, or wait longer: ANTISPOOF_WAIT=SECONDS"
            )
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(2 * pause, 1.0)


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of the bytes of `path`."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
