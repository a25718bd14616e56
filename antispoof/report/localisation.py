"""Tables of where systems say that sounds are spoofed, of the files by steps/localise.py."""

from collections.abc import Sequence

import numpy as np

from ..errors import UserError
from ..evaluation.localisation import read_localised
from .collect import Run, by_system
from .html import grid, piece, table, wrapped


def localisation(runs: Sequence[Run], set_name: str) -> str:
    """Range EERs with their intervals, and segment EERs as a matrix; "" where there are none."""
    rows, matrices, known = [], [], ""
    for system, own in by_system(runs).items():
        paths = [run.path / f"localisation_{set_name}.json" for run in own]
        paths = [path for path in paths if path.is_file()]
        found = [read_localised(path) for path in paths]
        if not found:
            continue
        seconds = found[0]["seconds"]
        _require_one_set(paths, found)
        known = f"{seconds['bonafide']:,.0f} s bona fide, {seconds['spoof']:,.0f} s spoofed"
        for number, cell in enumerate(found[0]["range"]):
            ways = [_interval(cell, way) for way in ("utterance", "speaker")]
            values = [result["range"][number]["eer"] for result in found]
            rows.append([wrapped(system), _ms(cell["model"]), _percent(values), *ways])
        matrices.append(_matrix(system, found))
    if not rows:
        return ""
    header = ["system", "frames of", "range EER %", "by utterance", "by speaker"]
    caption = f"Range EER, over {known}; intervals of the first seed"
    return table(header, rows, caption) + grid(matrices)


def _require_one_set(paths, found):
    """Raise UserError unless the seeds of a system are judged on the same sounds."""
    kinds = [(r["seconds"], [cell["model"] for cell in r["range"]]) for r in found]
    for path, kind in zip(paths, kinds, strict=True):
        if kind != kinds[0]:
            raise UserError(
                f"{path}: is of other sounds or frames than {paths[0]}; judge all seeds again "
                "(steps/localise.py)"
            )


def _matrix(system, found):
    """Rows: resolutions of the model; columns: those at which it is judged."""
    names = [cell["model"] for cell in found[0]["range"]]
    rows = []
    for own in names:
        cells = [
            [c for r in found for c in r["segment"] if (c["model"], c["at"]) == (own, at)]
            for at in names
        ]
        rows.append([_ms(own), *(_percent([c["eer"] for c in cell], cell[0]) for cell in cells)])
    caption = (
        f"Segment EER %, {system}; columns: judged at (coarser than its frames, it flatters); "
        "intervals by speaker of the first seed, or by utterance where no speaker is known"
    )
    return table(["frames of", *map(_ms, names)], rows, caption)


def _ms(seconds):
    return f"{1000 * seconds:.0f}\N{NO-BREAK SPACE}ms"


def _percent(values, first=None):
    """Their mean and deviation; first: the cell of which an interval, if any, stands below."""
    below = [f"± {100 * np.std(values, ddof=1):.2f}"] if len(values) > 1 else []
    ways = [_interval(first or {}, way) for way in ("speaker", "utterance")]
    below += [way for way in ways if way != "-"][:1]
    return piece("cell", f"{100 * np.mean(values):.2f}", below)


def _interval(cell, way):
    pair = (cell.get("intervals") or {}).get(way)
    return "–".join(f"{100 * value:.2f}" for value in pair) if pair else "-"
