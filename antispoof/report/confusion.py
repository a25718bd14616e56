"""Confusion matrices of source tracing as a picture: closed set, and with one unknown class."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .plots import STYLE

CELL, SIDE, TOP = 0.62, 1.05, 0.75  # inches


def picture(results: Sequence[Mapping[str, Any]], score: str = "nsd") -> str:
    """SVG of the results of one or more seeds: percent of a row, the mean, and its trials."""
    classes, counts = results[0]["classes"], results[0]["counts"]
    panels = [("known sources: the largest logit", classes, _mean(results, _closed))]
    if counts["unknown"]:
        title = f"with unknown sources: threshold of {score} from dev"
        panels.append((title, [*classes, "unknown"], _mean(results, lambda r: _joint(r, score))))
    size = sum(SIDE + 0.2 + CELL * len(names) for _, names, _ in panels)
    high = TOP + 0.6 + CELL * max(len(names) for _, names, _ in panels)
    with matplotlib.rc_context({**STYLE, "axes.grid": False, "svg.hashsalt": "antispoof"}):
        figure = Figure(figsize=(size, high))
        left = 0.0
        for title, names, (share, trials) in panels:
            span = CELL * len(names)
            place = (left + SIDE) / size, 1 - (TOP + span) / high, span / size, span / high
            _draw(figure.add_axes(place), title, names, share, trials)
            left += SIDE + 0.2 + span
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _closed(result):
    return np.array(result["closed"]["confusion"], float)


def _joint(result, score):
    return np.array(result["open"][score]["confusion"], float)


def _mean(results, table):
    """(mean shares of each row, its trials)."""
    tables = [table(result) for result in results]
    trials = tables[0].sum(axis=1)
    return np.mean([t / np.maximum(trials, 1)[:, None] for t in tables], axis=0), trials


def _draw(axes, title, names, share, trials):
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.set_title(title, fontsize=8, loc="left", pad=22)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks(
        range(len(names)),
        [f"{name}\n{int(n):,}" for name, n in zip(names, trials, strict=True)],
        fontsize=8,
    )
    axes.xaxis.tick_top()
    axes.set_xlabel("taken for, % of the row", fontsize=8)
    axes.set_ylabel("source, trials", fontsize=8)
    axes.tick_params(length=0)
    for row in range(len(names)):
        for column in range(len(names)):
            value = share[row, column]
            ink = "white" if value > 0.55 else "black"
            text = f"{100 * value:.0f}" if value else "·"
            axes.text(column, row, text, ha="center", va="center", fontsize=9, color=ink)
