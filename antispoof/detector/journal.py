"""Results as lines of JSON in a file that grows: what was cut off goes on where it ended.

A file is done where a line names its path, its size and its time. A line that was half written is
taken away. Eight bytes of each line are in memory.
"""

import array
import fcntl
import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..errors import UserError
from ..systems.system import Mapped
from .detect import Detection, Detector
from .lines import record_of

BLOCK = 1 << 16  # bytes


class Journal:
    """The lines of the file `path`, by one detector; no other process may write to it meanwhile.

    Raises UserError where it holds something else, or results by another model or settings.
    """

    def __init__(self, path: str | Path, detector: Detector, windows: bool) -> None:
        self.path, self.settings = Path(path), settings_of(detector, windows)
        self.added = self.skipped = 0
        self.pending: dict[str, os.stat_result] = {}  # of files that are being read
        self.file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._repair()
            self.done = self._read()
        except BlockingIOError:
            os.close(self.file)
            raise UserError(
                f"{path}: another process writes to it; wait for it, or name a file of its own"
            ) from None
        except BaseException:
            os.close(self.file)
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.file)

    def has(self, path: str | Path) -> bool:
        """Whether a line stands there for the file as it is now; counts those that do."""
        try:
            found = os.stat(path)
        except OSError:
            return False  # whoever reads it says why
        key = _key(str(path), found.st_size, found.st_mtime_ns)
        place = int(np.searchsorted(self.done, key))
        if place < len(self.done) and self.done[place] == key:
            self.skipped += 1
            return True
        if str(path) in self.pending:
            return True  # it was named twice
        self.pending[str(path)] = found
        return False

    def write(self, found: Detection) -> None:
        """Add the line of a file that `has` was asked for."""
        known = self.pending.pop(found.name)
        more = {"bytes": known.st_size, "mtime": known.st_mtime_ns, "settings": self.settings}
        line = json.dumps({**record_of(found), **more}, allow_nan=False) + "\n"
        data = line.encode()
        while data:
            data = data[os.write(self.file, data) :]
        self.added += 1

    def forget(self, path: str | Path) -> None:
        """A file that `has` was asked for cannot be read: where it is named again, it is tried."""
        self.pending.pop(str(path), None)

    def _repair(self):
        """Take away what stands behind the last line's end."""
        end = os.fstat(self.file).st_size
        kept = end
        while kept and os.pread(self.file, 1, kept - 1) != b"\n":
            start = max(kept - BLOCK, 0)
            block = os.pread(self.file, kept - start, start)
            kept = start + block.rfind(b"\n") + 1 if b"\n" in block else start
        head = os.pread(self.file, 1, 0)
        if head and head != b"{":  # it is no file of ours, and stays as it is
            raise self._wrong(1)
        if kept != end:
            os.ftruncate(self.file, kept)

    def _read(self):
        """The keys of all lines, sorted."""
        keys = array.array("Q")
        with open(self.path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    record = json.loads(line)
                    key = _key(record["file"], record["bytes"], record["mtime"])
                    settings = record["settings"]
                except (ValueError, KeyError, TypeError):
                    raise self._wrong(number) from None
                if settings != self.settings:
                    raise UserError(
                        f"{self.path}:{number}: found results by another model or other options; "
                        "name another file"
                    )
                keys.append(key)
        return np.sort(np.frombuffer(keys, np.uint64) if keys else np.zeros(0, np.uint64))

    def _wrong(self, number):
        return UserError(
            f"{self.path}:{number}: is no result of a file, wanted a line that detection wrote; "
            "name another file"
        )


def _key(path, size, time):
    text = f"{path}\0{size}\0{time}".encode(errors="surrogateescape")
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big"))


def settings_of(detector: Detector, windows: bool) -> str:
    """A word for the model and the options that decide what a line says."""
    digest = hashlib.sha256(repr((detector.prior, detector.threshold, windows)).encode())
    _add(digest, detector.system)
    return digest.hexdigest()[:16]


def _add(digest: Any, system: Any) -> None:
    if isinstance(system, Mapped):
        digest.update(repr((system.mapping.rule, system.mapping.weights)).encode())
        digest.update(repr(system.mapping.offset).encode())
        for part in system.systems:
            _add(digest, part)
        return
    config = {key: value for key, value in system.config.items() if key != "upstream_checkpoint"}
    digest.update(repr(sorted(config.items(), key=str)).encode())  # a place says nothing
    if system.upstream is not None:
        digest.update(repr(sorted(system.upstream.weight_sums.values())).encode())
    if system.novelty is not None:
        for values in (system.novelty.mean, system.novelty.axes, system.novelty.points):
            digest.update(values.tobytes())
        digest.update(repr(system.novelty.threshold).encode())
    for name, value in system.model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().float().numpy().tobytes())
