"""What is found of sounds as lines of a table, of JSON or of CSV."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict

from ..errors import printable
from .detect import Detection, Detector

COLUMNS = ("file", "llr", "p_spoof", "decision", "seconds", "converted")


def head(form: str, detector: Detector) -> list[str]:
    """The lines before the first file: form is table, json or csv."""
    if form == "json":
        return []
    if form == "csv":
        return [_row(COLUMNS)]
    return [
        f"LLR: higher = more bona fide; bonafide from {detector.threshold:.3f} on; "
        f"P(spoof) at a prior of {detector.prior:g}",
        f"{'LLR':>9} {'P(spoof)':>8}  {'decision':<8} {'seconds':>8}  file",
    ]


def lines_of(form: str, found: Detection) -> list[str]:
    """The lines of one file; in a table its windows stand below it."""
    if form == "json":
        record = asdict(found)
        record = {"file": record.pop("name"), **record, "converted": found.conversions}
        return [json.dumps(record)]
    if form == "csv":
        numbers = (found.llr, found.p_spoof, found.decision, found.seconds)
        return [_row((found.name, *numbers, found.conversions))]
    done = f" ({found.conversions})" if found.conversions else ""
    first = f"{found.llr:9.3f} {found.p_spoof:8.4f}  {found.decision:<8} {found.seconds:8.2f}"
    windows = (
        f"{'-' if window.llr is None else f'{window.llr:.3f}':>9}   "
        f"{window.start:.2f} to {window.end:.2f} s"
        for window in found.windows
    )
    return [f"{first}  {on_a_line(found.name)}{done}", *windows]


def on_a_line(text: object) -> str:
    """`text` for one line of a terminal."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _row(values: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(values)  # which it puts into quotes
    return stream.getvalue().removesuffix("\r\n")
