"""The section of source tracing: what steps/evaluate_tracing.py wrote next to experiments."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..data.json_files import number, read_json
from ..evaluation.tracing_result import metrics_of
from ..metrics.titles import shown
from ..paths import system_and_seed
from . import confusion
from .figures import Picture
from .html import piece, table, wrapped
from .verification import mean_cell

OPEN = {"eer": number, "fpr95": number, "joint_f1": number, "confusion": [[int]]}
SHAPE = {
    "classes": [str],
    "counts": {"known": int, "unknown": int},
    "labels": str,
    "closed": {"macro_f1": number, "accuracy": number, "confusion": [[int]]},
    "open": (None, {"*": OPEN}),
    "intervals?": {"*": {"*": [number, number]}},
    "crossed?": {"units": str, "over": str},
}


def tracing(exp_dirs: Iterable[str | Path], set_name: str) -> tuple[str, list[Picture]]:
    """(HTML, pictures) of the experiments that have <set>/tracing.json; nothing of none."""
    systems: dict[str, list[dict[str, Any]]] = {}
    for exp in exp_dirs:
        path = Path(exp) / set_name / "tracing.json"
        if path.is_file():
            found = read_json(path, SHAPE, wrong="run steps/evaluate_tracing.py again")
            systems.setdefault(system_and_seed(exp)[0], []).append(found)
    if not systems:
        return "", []
    header = ["system", "sources", "known / unknown", "macro-F1", "accuracy %"]
    caption = "Known sources, by the largest logit"
    closed = table(header, [_closed(*item) for item in systems.items()], caption)
    header = ["system, score", "EER %", "FPR95 %", "macro-F1 with one unknown class"]
    rows = [row for item in systems.items() for row in _open(*item)]
    opened = table(header, rows, "Known against unknown sources") if rows else ""
    units = [
        f"{name}: {own[0]['crossed']['units']}"
        for name, own in systems.items()
        if own[0].get("crossed", {}).get("over")
    ]
    words = f"Intervals of EERs over {'; '.join(units)}; of the rest, speakers alone are drawn."
    said = piece("paragraph", words) if units else ""
    return piece("joined", [closed, opened, said]), [_picture(*item) for item in systems.items()]


def _cell(found, metric, percent):
    values = [percent * metrics_of(one)[metric] for one in found]
    intervals = [shown(one.get("intervals", {}).get(metric, {})) for one in found]
    return mean_cell(values, intervals, 2 if percent > 1 else 3, percent)


def _closed(system, found):
    first = found[0]
    counts = " / ".join(f"{first['counts'][key]:,}" for key in ("known", "unknown"))
    sources = f"{len(first['classes'])} of utt2{first['labels']}"
    accuracy = mean_cell([100 * one["closed"]["accuracy"] for one in found], digits=2)
    return [wrapped(system), sources, counts, _cell(found, "macro_f1", 1), accuracy]


def _open(system, found):
    for name in found[0]["open"] or ():
        percents = {"eer": 100, "fpr95": 100, "joint_f1": 1}
        cells = [_cell(found, f"{key}_{name}", percent) for key, percent in percents.items()]
        yield [piece("heading", wrapped(system), name), *cells]


def _picture(system, found):
    score = next(iter(found[0]["open"] or {"": 0}))
    words = f"with one unknown class by {score}" if score else "no source is unknown"
    alt = f"Confusion matrices of {system}: which source is taken for which; {words}"
    return Picture(confusion.picture(found, score), alt)
