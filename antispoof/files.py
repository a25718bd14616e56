"""Files that are whole or absent: written under a temporary name, then renamed.

The bytes are on the disk before the name is, and the name before anything else happens: a power cut
takes nothing that was finished.
"""

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

UNABLE = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES)  # a folder that cannot be synced


@contextlib.contextmanager
def atomic_path(path: str | Path, sync_name: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it is renamed to `path`, else removed.

    The temporary name starts with a dot and ends in `.tmp`: nothing takes it for an output. Without
    `sync_name`, the caller syncs the folder after its last file.
    """
    path = Path(path)
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


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of the bytes of `path`."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
