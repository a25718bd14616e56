"""The table of all pairs of systems, with intervals that hold for all of them at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..data.data_dir import ALL
from ..evaluation.all_pairs import judge_all, sentence
from ..evaluation.scores import keep
from ..metrics.titles import value_text
from .collect import Run, by_system, conditions
from .figures import Scored
from .html import piece, table, wrapped


def all_pairs(runs: Sequence[Run], scored: Mapping[str, Scored]) -> str:
    """HTML of every condition, by EER, where three systems or more are scored; or ""."""
    runs = [run for run in runs if run.name in scored]
    if len(by_system(runs)) < 3:
        return ""
    parts = [_of_condition(runs, scored, name) for name in conditions(runs)]
    return piece("folded", "All pairs of systems, with intervals that hold together", _join(parts))


def _join(parts):
    return piece("joined", parts)


def _of_condition(runs, scored, name):
    systems: dict[str, list] = {}
    for run in runs:
        trials = scored[run.name].trials
        if name != ALL:
            trials = _kept(trials, name)
        systems.setdefault(run.system, []).append((trials.split(), trials.split()))
    found = judge_all(systems, trials, ["eer"])
    said = sentence(found, "eer")
    header = ["difference", "EER, points", "together", "p", "p of all"]
    caption = f"{name}: below 0, the first is better; over {found['over']}"
    rows = [_row(own) for own in found["metrics"]["eer"]]
    return table(header, rows, caption) + piece("paragraph", f"{said} {found['units']}.")


def _kept(trials, name):
    scores = dict(zip(trials.ids, trials.scores, strict=True))
    labels = dict(zip(trials.ids, map(bool, trials.is_bonafide), strict=True))
    return keep(labels, scores, trials.data_dir, "scores", name)


def _row(own: Mapping[str, Any]) -> list:
    gap = value_text("eer", own["difference"], "+")
    alone, together = (_ends(own[kind]["interval"]) for kind in ("alone", "together"))
    low, high = own["together"]["interval"]
    return [
        wrapped(f"{own['first']} − {own['second']}"),
        piece("cell", gap, [alone], strong=low > 0 or high < 0),
        together,
        f"{own['alone']['p']:.3g}",
        f"{own['together']['p']:.3g}",
    ]


def _ends(interval):
    low, high = (value_text("eer", value, "+") for value in interval)
    return f"{low} to {high}"
