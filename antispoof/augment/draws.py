"""What augmentation drew for each utterance while training: draws/epoch<n>.jsonl.

Every process that loads data notes its own; the notes of an epoch become one file when it ends. A
run that was killed in an epoch notes the same draws again, since (seed, epoch, utterance) decide.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..files import atomic_open
from .chain import loggable


def note(
    folder: str | Path, epoch: int, utt: str, drawn: Iterable[tuple[str, dict[str, Any]]]
) -> None:
    """Add a line: `drawn`, as a Chain returns it."""
    line = json.dumps({"utt": utt, "drawn": loggable(drawn)}) + "\n"
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with open(place / f".epoch{epoch}.{os.uname().nodename}.{os.getpid()}", "a") as stream:
        stream.write("\n" + line)  # a process of this number may have been killed in its line


def gather(folder: str | Path, epoch: int) -> None:
    """Make one sorted file of the notes of an epoch. A line that a kill cut short is left out."""
    parts = sorted(Path(folder).glob(f".epoch{epoch}.*"))
    lines = {line for part in parts for line in part.read_text().splitlines(keepends=True)}
    with atomic_open(Path(folder) / f"epoch{epoch}.jsonl") as stream:
        stream.writelines(sorted(line for line in lines if _is_whole(line)))
    for part in parts:
        part.unlink()


def _is_whole(line):
    try:
        return line.endswith("\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False
