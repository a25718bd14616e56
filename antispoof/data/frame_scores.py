"""Scores of frames as Kaldi's archives, one for each resolution.

`<folder>/<milliseconds>ms.scp`, as 20ms.scp or 12.5ms.scp, has for each utterance where its matrix
(T, 1) stands: the logit of bona fide minus that of spoof of each frame, higher = more bona fide.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np

from ..errors import UserError
from ..files import atomic_open
from .ark import MATRIX, read_entry
from .segments import NEAR
from .tables import read_table, write_table

NAME = re.compile(r"(\d+(?:\.\d+)?)ms\.scp")
RATE = 0.01  # share by which the rate of frames may differ
EDGES = 2  # frames that a sound may have more or less than its length says


def table_path(folder: str | Path, seconds: float) -> Path:
    """The table of frames of a resolution."""
    return Path(folder) / f"{round(1000 * seconds, 6):.12g}ms.scp"


def write_frames(path: Path, rows: Mapping[str, np.ndarray]) -> None:
    """Write scores (T,) of utterances as the table `path` and the archive next to it."""
    places, ark = {}, path.with_suffix(".ark")
    for utt, scores in rows.items():
        if not np.isfinite(scores).all():
            raise UserError(f"{path}: {utt}: found frame scores that are not finite")
    with atomic_open(ark, "wb") as stream:
        for utt in sorted(rows, key=str.encode):
            places[utt] = f"{ark}:{stream.tell() + len(utt.encode()) + 1}"
            block = io.BytesIO()
            kaldiio.save_ark(block, {utt: np.ascontiguousarray(rows[utt][:, None], np.float32)})
            stream.write(block.getvalue())
    write_table(path, places)


def read_frames(path: str | Path, utts: Iterable[str]) -> list[np.ndarray]:
    """Scores (T,) of utterances, by the table `path`. Raises UserError."""
    table, found = read_table(path), []
    for utt in utts:
        if utt not in table:
            raise UserError(f"{path}: '{utt}' is missing; score the set again")
        matrix: Any = read_entry(table[utt], utt, MATRIX)
        if matrix.ndim != 2 or matrix.shape[1] != 1 or not len(matrix):
            raise UserError(f"{table[utt]}: {utt}: found shape {matrix.shape}, wanted (T, 1)")
        if not np.isfinite(matrix).all():
            raise UserError(f"{table[utt]}: {utt}: found frame scores that are not finite")
        found.append(matrix[:, 0])
    return found


def covers(count: int, frame: float, seconds: float) -> bool:
    """Whether so many frames of `frame` seconds may be those of a sound of `seconds`."""
    return abs(count * frame - seconds) <= RATE * seconds + EDGES * frame + NEAR


def require_lengths(
    scores: Mapping[float, Sequence[np.ndarray]], seconds: Mapping[str, float], folder: str | Path
) -> None:
    """Raise UserError where frames {seconds of one: (T,) of each} are not of sounds so long."""
    for own, rows in scores.items():
        for (utt, length), row in zip(seconds.items(), rows, strict=True):
            if not covers(len(row), own, length):
                raise UserError(
                    f"{table_path(folder, own)}: {utt}: found {len(row)} frames of {1000 * own:g} "
                    f"ms, the sound lasts {length:g} s; score the set again"
                )


def tables_in(folder: str | Path) -> dict[float, Path]:
    """{seconds: table} of the frames in a folder, the finest first."""
    named = [(NAME.fullmatch(path.name), path) for path in Path(folder).glob("*ms.scp")]
    return dict(sorted((float(m[1]) / 1000, path) for m, path in named if m and float(m[1])))
