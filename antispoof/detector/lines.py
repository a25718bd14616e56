"""What is found of sounds as lines of a table, of JSON or of CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..errors import printable
from .detect import Detection, Detector
from .result import plain
from .stream import Moment

COLUMNS = ("file", "llr", "p_spoof", "decision", "seconds", "score", "converted", "warnings")
MOMENTS = ("start", "end", "llr", "running", "decision", "warnings")


def head(form: str, detector: Detector) -> list[str]:
    """The lines before the first file: form is table, json or csv."""
    if form == "json":
        return []
    if form == "csv":
        return [_row(COLUMNS)]
    first, last = "LLR", f"P(spoof) at a prior of {detector.prior:g}"
    if not detector.system.calibrated:
        first, last = "score", "not calibrated: no LLR and no P(spoof)"
    known = not math.isnan(detector.threshold)
    decides = f"bonafide from {detector.threshold:.3f} on; " if known else ""
    return [
        f"{first}: higher = more bona fide; {decides}{last}",
        f"{first:>9} {'P(spoof)':>8}  {'decision':<8} {'seconds':>8}  file",
    ]


def lines_of(form: str, found: Detection) -> list[str]:
    """The lines of one file; in a table its windows stand below it."""
    if form == "json":
        return [json.dumps(record_of(found), allow_nan=False)]
    warnings = "; ".join(found.warnings)
    if form == "csv":
        numbers = (_known(found.llr), _known(found.p_spoof), found.decision, found.seconds)
        return [_row((found.name, *numbers, found.score, found.conversions, warnings))]
    done = f" ({found.conversions})" if found.conversions else ""
    odd = "".join(f"[{words.partition(':')[0]}]  " for words in found.warnings)
    llr = _shown(found.llr if found.score is None else found.score)
    p_spoof = _shown(found.p_spoof, 4)
    first = f"{llr:>9} {p_spoof:>8}  {found.decision:<8} {found.seconds:8.2f}"
    windows = (
        f"{_shown(window.llr if window.score is None else window.score):>9}   "
        f"{window.start:.2f} to {window.end:.2f} s"
        for window in found.windows
    )
    where = [f"{'':9}   spoofed: {_spans(found.frames)}"] if found.frames else []
    return [f"{first}  {odd}{on_a_line(found.name)}{done}", *where, *windows]


def _spans(frames):
    """What a time line says in words."""
    spans = ", ".join(f"{start:.2f} to {end:.2f} s" for start, end in frames.spoofed)
    return spans or "no frame"


def record_of(found: Detection) -> dict[str, Any]:
    """What is found of one file as JSON has it: nothing in place of NaN."""
    record = plain(found)
    name, converted = record.pop("name"), record.pop("conversions")
    return {"file": name, **record, "converted": converted}


def _shown(number: float | None, digits: int = 3) -> str:
    return "-" if number is None or math.isnan(number) else f"{number:.{digits}f}"


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def stream_head(form: str) -> list[str]:
    """The lines before the first window of a stream."""
    if form == "json":
        return []
    if form == "csv":
        return [_row(MOMENTS)]
    return [f"{'from':>8} {'to':>8} {'LLR':>9} {'running':>9}  decision"]


def line_of(form: str, found: Moment) -> str:
    """The line of one window of a stream."""
    if form == "json":
        known = {"llr": _known(found.llr), "running": _known(found.running)}
        return json.dumps({**asdict(found), **known}, allow_nan=False)
    warnings = "; ".join(found.warnings)
    if form == "csv":
        numbers = (found.start, found.end, _known(found.llr), _known(found.running))
        return _row((*numbers, found.decision, warnings))
    llr, running = (f"{_shown(number):>9}" for number in (found.llr, found.running))
    note = f"  ({on_a_line(warnings)})" if warnings else ""
    return f"{found.start:8.2f} {found.end:8.2f} {llr} {running}  {found.decision}{note}"


def on_a_line(text: object) -> str:
    """`text` for one line of a terminal."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _row(values: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(values)  # which it puts into quotes
    return stream.getvalue().removesuffix("\r\n")
