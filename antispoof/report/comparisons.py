"""The section of comparisons: a table per set of trials, and behind it every way to draw again."""

from typing import Any

from ..data.json_files import number, read_json
from ..errors import UserError
from ..evaluation.compare import words_of
from ..metrics.bootstrap import METRICS
from ..metrics.titles import SHOWN, TITLES, value_text
from .html import piece, table, wrapped

JUDGED = {"*": {"interval": [number, number], "p": number}, "iid": {}}
METRIC = {"difference": number, "trials": JUDGED, "mixed?": JUDGED}
WANTED = {
    "counts": {},
    "systems": [str],
    "seeds": [str],
    "set": str,
    "trials": (str, None),
    "metrics": {f"{name}?": METRIC for name in METRICS},
    "sentences": [str],
    "units": {"*": str},
    "bootstrap?": {"level": number},
}


def comparisons(paths: list) -> str:
    """HTML of files that steps/compare.py wrote. Raises UserError."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in paths:
        found = _read(path)
        groups.setdefault((found["set"], found["trials"] or ""), []).append(found)
    return piece("joined", [_group(place, own) for place, own in sorted(groups.items())])


def _read(path):
    found = read_json(path, {"systems?": [str]}, wrong="run steps/compare.py again")
    if (count := len(found.get("systems", ()))) > 2:
        raise UserError(
            f"{path}: found {count} systems, wanted a file of two; leave it out, the page compares "
            "all pairs by their scores"
        )
    return read_json(path, WANTED, wrong="run steps/compare.py again")


def _group(place, own):
    """One table of all pairs on the same trials; with the whole of each pair below it."""
    of_any = [name for name in METRICS if any(name in found["metrics"] for found in own)]
    metrics = [name for name in of_any if all(name in found["metrics"] for found in own)] or of_any
    judged = [_judged(found, name) for found in own for name in metrics if name in found["metrics"]]
    kind = next((kind for kind in SHOWN if all(kind in kinds for kinds in judged)), "iid")
    header = ["difference"]
    for name in metrics:
        header += [f"{TITLES[name].name}{', points' if name == 'eer' else ''}", "p"]
    rows = [[_names(found), *_cells(found, metrics, kind)] for found in own]
    most = max(len(found["seeds"]) for found in own)
    caption = " ".join(filter(None, place)) + (f", {most} seeds" if most > 1 else "")
    over = words_of(kind, judged[0][kind]) + (" and seeds" if most > 1 else "")
    note = f"{_levels(own)} intervals and p over other {over}"
    whole = piece("joined", list(map(_whole, own)))
    summary = "Every way to draw again, and what each comparison allows to say"
    first = table(header, rows, f"{caption}: below 0, the first is better; {note}")
    return first + piece("folded", summary, whole)


def _levels(own):
    """The levels of the intervals in words, from the least."""
    levels = {found.get("bootstrap", {"level": 0.95})["level"] for found in own}
    return " and ".join(f"{100 * level:g} %" for level in sorted(levels))


def _names(found):
    return wrapped(" − ".join(found["systems"]))


def _judged(found, metric):
    """{kind: interval and p}: with the seeds drawn again, where there are several."""
    own = found["metrics"][metric]
    return own.get("mixed") or own["trials"]


def _cells(found, metrics, kind):
    for name in metrics:
        if name not in found["metrics"]:
            yield from ("-", "-")
            continue
        gap, interval, p = _texts(found["metrics"][name], name, _judged(found, name)[kind])
        yield piece("cell", gap, [interval], strong=_firm(_judged(found, name)[kind]))
        yield p


def _firm(judged):
    """Whether an interval is on one side of 0."""
    low, high = judged["interval"]
    return low > 0 or high < 0


def _texts(own, metric, judged):
    low, high = (value_text(metric, value, "+") for value in judged["interval"])
    return value_text(metric, own["difference"], "+"), f"{low} to {high}", f"{judged['p']:.3g}"


def _whole(found):
    rows = [row for metric in METRICS for row in _rows(found, metric)]
    header = ["drawn again", "difference", f"{_levels([found])} interval", "p"]
    return table(header, rows, _names(found)) + piece("listed", found["sentences"])


def _rows(found, metric):
    own = found["metrics"].get(metric, {})
    for key, also in (("trials", ""), ("mixed", " and seeds")):
        for kind, judged in own.get(key, {}).items():
            gap, interval, p = _texts(own, metric, judged)
            words = f"{TITLES[metric].name}: {words_of(kind, judged)}{also}"
            label = piece("heading", words, found["units"].get(kind, ""))
            yield [label, gap + TITLES[metric].unit, interval, p]
