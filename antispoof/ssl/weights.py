"""Which files of weights an upstream was made of: compared with what is stated, and recorded."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import UPSTREAM_KEYS, load_config
from ..errors import UserError
from ..files import atomic_open, sha256_file

RECORD = "weights.sha256"
_SUM = re.compile("[0-9a-f]{64}")


class Weights:
    """The files that one upstream reads. `take` each before it is read.

    wanted: the SHA-256 that is stated of the one file, those of several with blanks between, or "";
    source: who states it.
    """

    def __init__(self, wanted: str = "", source: str = "") -> None:
        self.wanted, self.source = wanted, source
        self.sums: dict[str, str] = {}  # name of a file -> SHA-256

    def take(self, place: str | Path) -> Path:
        """Note the file `place`, or each file of the folder, and return it.

        Raises UserError where it is another one than is stated.
        """
        place = Path(place)
        paths = sorted(p for p in place.iterdir() if p.is_file()) if place.is_dir() else [place]
        for path in paths:
            self.sums[path.name] = found = sha256_file(path)
            if not self.wanted:
                continue
            wanted = self.wanted.split()
            if len(self.sums) > len(wanted):
                files = ", ".join(self.sums)
                count = "one file" if len(wanted) == 1 else f"{len(wanted)} files"
                raise UserError(f"{place}: 'sha256' is of {count}, and these are read: {files}")
            if found not in wanted:
                raise UserError(
                    f"{path}: its SHA-256 is {found}, wanted {self.wanted} ({self.source}); "
                    "bring that file, or change what is stated"
                )
        return place


def check_sum(path: str | Path, text: str) -> None:
    """Raise UserError where `text`, the `sha256` of the config `path`, is no SHA-256."""
    if text and not _SUM.fullmatch(text):
        raise UserError(f"{path}: 'sha256' is '{text}', wanted 64 digits of 0-9 and a-f")


def claim_weights(dump_dir: str | Path, sums: Mapping[str, str], config: dict[str, Any]) -> str:
    """Record `sums` in `dump_dir`, and return them as lines, for a log.

    Raises UserError where features there, or of another set next to it, which the same `config`
    made, come from other files.
    """
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    path = Path(dump_dir) / RECORD
    for record in sorted(Path(dump_dir).parent.glob(f"*/{RECORD}")):
        if record.parent != path.parent and not _made_by(record.parent, config):
            continue
        found = record.read_text("utf-8")
        if found != text:
            raise UserError(
                f"{record}: its features were made with {_line(found)}; what is there now is "
                f"{_line(text)}; bring that file back, or remove {record.parent} to redo them"
            )
    if text and not path.exists():
        with atomic_open(path) as stream:
            stream.write(text)
    return text


def _made_by(folder, config):
    place = folder / "config.yaml"
    return place.exists() and load_config(place, UPSTREAM_KEYS) == config


def _line(text):
    return ", ".join(text.splitlines()) or "no file"
