"""Files that are whole or absent: written under a temporary name, then renamed."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import UserError


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`, else removed.

    The temporary name starts with a dot and ends in `.tmp`: nothing takes it for an output.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())  # a rename must never overtake its bytes
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def atomic_open(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open `path` for writing (text is UTF-8, LF); it appears only when the block succeeds."""
    options: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with atomic_path(path) as temporary:
        try:
            with open(temporary, mode, **options) as stream:
                yield stream
        except OSError as error:
            if error.filename is None:  # a full disk is reported by write(), without a name
                error.filename = str(path)
            raise


def open_share(path):
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


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of the bytes of `path`."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
