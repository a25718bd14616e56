"""The table of systems by sets, as Markdown and as a picture with counts in its cells."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import IO, Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..metrics.titles import table_text
from .heat import CHANCE
from .plots import STYLE

Cell = Mapping[str, Any]
MARKS = {
    "speakers": "s: has speakers of the training set, by their names",
    "ids": "i: has utterances of the training set, by their ids",
    "sounds": "a: has sounds of the training set, sample by sample",
    "known": "k: listed as no fair test",
    "unchecked": "?: the training set is not at hand",
}
LETTERS = {mark: text[0] for mark, text in MARKS.items()}
TITLE = "EER %, interval, bona fide / spoof trials"
WIDE, HIGH, SIDE, EDGE = 1.45, 0.78, 2.1, 1.1  # inches: of a cell, of the names, above and below


def cell_lines(cell: Cell, level: float = 0.95) -> list[str]:
    """A cell in words: EER, interval, counts, marks; `-` where nothing is scored."""
    if not cell.get("seeds"):
        return ["-"]
    eer = table_text("eer", cell["eer"])
    lines = [eer if cell["sd"] is None else f"{eer} ± {table_text('eer', cell['sd'])}"]
    if cell["interval"]:
        lines.append("[{}, {}]".format(*(table_text("eer", end) for end in cell["interval"])))
    counts = cell["counts"]
    lines.append(f"{counts['bonafide']} / {counts['spoof']}{'*' if cell['few'] else ''}")
    letters = "".join(LETTERS[mark] for mark in cell["marks"])
    return [*lines, *([f"({letters})"] if letters else [])]


def markdown(rows: Sequence[str], columns: Sequence[str], cells: Mapping) -> str:
    """The table; cells: {(row, column): cell}."""
    lines = [f"| {TITLE} | {' | '.join(columns)} |", f"| :-- |{' --: |' * len(columns)}"]
    for row in rows:
        words = [", ".join(cell_lines(cells[row, column])) for column in columns]
        lines.append(f"| {row} | {' | '.join(words)} |")
    return "\n".join([*lines, "", *(f"- {line}" for line in legend(cells)), ""])


def legend(cells: Mapping) -> list[str]:
    """What the words and marks of these cells mean."""
    scored = [cell for cell in cells.values() if cell.get("seeds")]
    marks = {mark for cell in scored for mark in cell["marks"]}
    kinds = sorted({cell["resampled"] for cell in scored if cell["interval"]})
    lines = [f"intervals: drawn by {', or by '.join(kinds)}"] if kinds else []
    if any(cell["sd"] is not None for cell in scored):
        lines.append("mean ± sd over seeds; interval: its ends are means over seeds")
    if any(cell["few"] for cell in scored):
        lines.append("*: few trials of a class")
    if not all(cell.get("seeds") for cell in cells.values()):
        lines.append("-: no scores")
    return lines + [text for mark, text in MARKS.items() if mark in marks]


def picture(rows: Sequence[str], columns: Sequence[str], cells: Mapping, stream: IO[bytes]) -> None:
    """A heat map as PNG: stronger colour is harder, a hatched cell is no fair test."""
    lines = legend(cells)
    if not all(cell["fair"] for cell in cells.values() if cell.get("seeds")):
        lines.append("hatched: no fair test")
    size = (SIDE + WIDE * len(columns), EDGE + HIGH * len(rows) + 0.18 * len(lines))
    style = {**STYLE, "text.color": "black", "axes.grid": False, "savefig.dpi": 150}
    with matplotlib.rc_context({**style, "hatch.linewidth": 0.6, "hatch.color": "#00000055"}):
        figure = Figure(figsize=size)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
        axes.set_axis_off()
        for index, column in enumerate(columns):
            place = SIDE + WIDE * (index + 0.5), EDGE - 0.12
            axes.text(*place, broken(column, 18), ha="center", va="bottom", fontsize=9)
        for number, row in enumerate(rows):
            middle = EDGE + HIGH * (number + 0.5)
            axes.text(SIDE - 0.1, middle, broken(row, 26), ha="right", va="center", fontsize=9)
            for index, column in enumerate(columns):
                _draw(axes, SIDE + WIDE * index, EDGE + HIGH * number, cells[row, column])
        axes.text(0.1, 0.12, TITLE, ha="left", va="top", fontsize=10)
        below = EDGE + HIGH * len(rows) + 0.1
        axes.text(0.1, below, "\n".join(lines), ha="left", va="top", fontsize=8, linespacing=1.25)
        figure.savefig(stream, format="png", metadata={"Software": None})


def broken(name: str, width: int) -> str:
    """A name in lines: its recipe, then the rest, each of at most `width` letters.

    Lines end behind an underscore where there is one.
    """
    lines = []
    for word in name.split("/"):
        line = ""
        for part in re.findall("[^_]*_|[^_]+", word):
            if len(line + part) > width and line:
                lines.append(line)
                line = ""
            *whole, line = textwrap.wrap(line + part, width)
            lines += whole
        lines.append(line)
    return "\n".join(lines)


def _draw(axes, left, top, cell):
    scored = bool(cell.get("seeds"))
    share = min(1.0, cell["eer"] / CHANCE) if scored else 0.0
    colour = matplotlib.colormaps["YlOrRd"](0.9 * share) if scored else "#eeeeee"
    hatch = "///" if scored and not cell["fair"] else None
    box: dict[str, Any] = {"facecolor": colour, "edgecolor": "white", "linewidth": 2}
    axes.add_patch(Rectangle((left, top), WIDE, HIGH, **box))
    if hatch:
        inner = (left + 0.02, top + 0.02), WIDE - 0.04, HIGH - 0.04
        axes.add_patch(Rectangle(*inner, fill=False, hatch=hatch, linewidth=0))
    first, *rest = cell_lines(cell)
    ink = "white" if share > 0.65 else "black"
    place = {"ha": "center", "color": ink, "va": "center"}
    middle, paper = left + WIDE / 2, {}
    if hatch:  # the words stand on plain ground
        paper = {"bbox": {"facecolor": colour, "edgecolor": "none", "pad": 1}}
    high = top + HIGH / 2 - 0.075 * len(rest)
    axes.text(middle, high, first, fontsize=10, fontweight="bold", **place, **paper)
    for number, line in enumerate(rest, 1):
        axes.text(middle, high + 0.155 * number + 0.02, line, fontsize=7.5, **place, **paper)
