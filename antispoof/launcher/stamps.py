"""The one meaning of done: a file that holds a command and the sums of what its result rests on."""

import glob
import shlex
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError
from ..files import atomic_open, sha256_file
from ..paths import find

NOT_DONE = "is not done"


def words_of(text: str) -> list[str]:
    """The words of `text`, with the quotes of a shell. Raises UserError."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(f"--from {text}: {error}; wanted quotes as for a shell") from None


def files(text: str) -> list[str]:
    """The files that `text` names: those that match where it holds a `*`, else itself."""
    return glob.glob(text) if "*" in text else [text]


SUMS: dict[Path, tuple[tuple[int, ...], str]] = {}  # many jobs of a stage rest on one file


def _sum(path: Path) -> str:
    """The SHA-256 of a file, which is read again only where it is not the file that it was."""
    found = path.stat()
    mark = found.st_ino, found.st_size, found.st_mtime_ns
    if path not in SUMS or SUMS[path][0] != mark:
        SUMS[path] = mark, sha256_file(path)
    return SUMS[path][1]


class Stamp:
    """What the file `path` is to hold: `record`, a command, and a line for each of `inputs`.

    The inputs are read here, before the job begins; `changed` compares them when it has ended. With
    `renew`, a file that holds something else is as good as none; so is every one where
    `out`, what the job makes, is not there.
    """

    def __init__(
        self,
        path: Path,
        record: str,
        inputs: Iterable[str],
        renew: bool = False,
        out: Path | None = None,
    ) -> None:
        self.path, self.renew, self.out = path, renew, out
        self.names = sorted({name for text in inputs for name in files(text)})
        self.lines = [record, *(f"{_sum(find(name))}  {name}" for name in self.names)]

    def is_there(self) -> bool:
        """Whether the file says so; raises UserError where it says something else."""
        what = self.why()
        if not what or what == NOT_DONE or self.renew:
            return not what
        owned = self.path.parent if self.path.name == ".done" else self.path
        raise UserError(f"{self.path}: {what}; to make it again: rm -r {shlex.quote(str(owned))}")

    def why(self) -> str:
        """Why it is to be made, in a few words; empty where it is done."""
        if not self.path.exists():
            return NOT_DONE
        found, wanted = self.path.read_text("utf-8").splitlines(), self.lines
        if found == wanted:
            return "" if self.out is None or self.out.exists() else NOT_DONE
        if found[:1] != wanted[:1]:
            return f"was made by another command ({found[0] if found else '?'}; now {wanted[0]})"
        changed = next(
            line for line in [*wanted, *found] if line not in found or line not in wanted
        )
        return f"rests on another {changed.split('  ', 1)[-1]} than there is now"

    def changed(self) -> str:
        """The name of an input that is not what it was when this was made; empty where none is."""
        for name, line in zip(self.names, self.lines[1:], strict=True):
            try:
                if line != f"{_sum(find(name))}  {name}":
                    return name
            except (UserError, OSError):
                return name
        return ""

    def write(self) -> None:
        with atomic_open(self.path) as stream:
            stream.writelines(line + "\n" for line in self.lines)
