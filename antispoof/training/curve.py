"""What each epoch came to: curve.csv, curve.png, and scalars that TensorBoard shows."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from ..files import atomic_open

COLUMNS = ("epoch", "lr", "train_loss", "dev_loss", "dev_eer")
EVENTS = "tensorboard/events.out.tfevents.0.antispoof"


def columns_of(rows: Sequence[dict[str, Any]], several_phases: bool) -> list[str]:
    """Names of the columns: COLUMNS, `phase` where there are several, then what else rows have."""
    names = dict.fromkeys([*COLUMNS, *(["phase"] if several_phases else [])])
    names.update(dict.fromkeys(name for row in rows for name in row))
    return [name for name in names if several_phases or name != "phase"]


def write_curve(
    path: str | Path, rows: Sequence[dict[str, Any]], several_phases: bool = False
) -> None:
    """Write curve.csv: one line per epoch; what an epoch has no number for is empty.

    rows: {column: number}, each with COLUMNS and `phase`.
    """
    names = columns_of(rows, several_phases)
    with atomic_open(path) as stream:
        stream.write(",".join(names) + "\n")
        for row in rows:
            values = (f"{row[name]:.8g}" if name in row else "" for name in names)
            stream.write(",".join(values) + "\n")


def draw_curve(path: str | Path, rows: Sequence[dict[str, Any]], title: str) -> None:
    """Write curve.png: the losses, and the EER on dev and on each set that is watched."""
    from ..report.plots import watched  # late: a second, for those who watch

    with atomic_open(path, "wb") as stream:
        watched(rows, title, stream)


def write_events(exp_dir: str | Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write all rows as a TensorBoard file below `exp_dir`; returns its path.

    An epoch that the file has already keeps its wall time, so a run that continues shows when each
    epoch ended; another has the time of now.
    """
    path = Path(exp_dir) / EVENTS
    times = _wall_times(path)
    with atomic_open(path, "wb") as stream:
        first = Event(wall_time=times.get(0, time.time()), file_version="brain.Event:2")
        RecordWriter(stream).write(first.SerializeToString())
        for row in rows:
            _write(stream, row, times.get(row["epoch"], time.time()))
    return path


def append_event(path: str | Path, row: dict[str, Any]) -> None:
    """Add a row to a file by `write_events`, which TensorBoard may be reading."""
    with open(path, "ab") as stream:
        _write(stream, row, time.time())


def _write(stream, row, wall_time):
    names = (name for name in row if name not in ("epoch", "phase"))
    values = [Summary.Value(tag=name, simple_value=row[name]) for name in names]
    event = Event(wall_time=wall_time, step=row["epoch"], summary=Summary(value=values))
    RecordWriter(stream).write(event.SerializeToString())


def _wall_times(path):
    """{step: wall time} of the events of a file, up to the first that is not whole."""
    if not path.is_file():
        return {}
    from tensorboard.backend.event_processing.event_file_loader import (  # late: for a second run
        LegacyEventFileLoader,
    )

    return {event.step: event.wall_time for event in LegacyEventFileLoader(str(path)).Load()}
