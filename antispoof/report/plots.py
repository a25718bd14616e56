"""Pictures of scores and of training, as SVG text that follows the reader's light or dark mode.

Every colour is a stand-in that becomes a CSS variable; text stays text in the reader's own font.
The same input gives the same bytes.
"""

import functools
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, TypeVar, cast

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from ..metrics import bayes_threshold, det_curve
from ..metrics.checks import Pair

INK, FAINT = "#010101", "#010102"
SERIES = tuple(f"#0101{number:02x}" for number in range(16, 24))
LIGHT = ("#1f6fb2", "#c2541b", "#2a8050", "#7a4fc0", "#a37300", "#b03070", "#0e7f8c", "#666666")
DARK = ("#6cb6ff", "#ff9e64", "#6fd39a", "#bfa0ff", "#e6c04d", "#ff8fc4", "#5ad1df", "#b0b0b0")
STYLE = {
    "svg.hashsalt": "antispoof",
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.labelcolor": INK,
}
WIDTH = 4.6  # inches of 72 units: readable at the width of a phone
NAME = 22  # letters of a line of a name next to a row
PERCENT = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80)
MOST_POINTS = 600
WIDTHS = (1.8, 1.2, 0.7)  # of the DET curves of a system's first, second and other seeds
Drawing = TypeVar("Drawing", bound=Callable[..., str])


def styled(function: Drawing) -> Drawing:
    """Draw in STYLE, and leave the style of whoever imports this alone."""

    @functools.wraps(function)
    def styled(*args):
        with matplotlib.rc_context(STYLE):
            return function(*args)

    return cast(Drawing, styled)


def new_figure(height: float, rows: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, 1, sharex=True)


def new_rows(names: Sequence[str]) -> tuple[Figure, Any]:
    """A figure with a row for each name, the first on top; long names take several lines."""
    texts = [_in_lines(name) for name in names]
    lines = max((text.count("\n") for text in texts), default=0)
    figure, axes = new_figure(0.9 + (0.26 + 0.16 * lines) * len(names))
    axes.set_yticks(range(len(names)), texts)
    axes.set(ylim=(len(names) - 0.4, -0.6))
    return figure, axes


def _in_lines(name):
    """Cut behind underscores and hyphens, or anywhere, where a line would be longer than NAME."""
    lines = [""]
    parts = re.findall(f"[^_-]{{,{NAME - 1}}}[_-]|[^_-]{{1,{NAME}}}", name)
    for part in parts:
        lines += [""] if lines[-1] and len(lines[-1] + part) > NAME else []
        lines[-1] += part
    return "\n".join(lines)


def to_svg(figure: Figure) -> str:
    """The figure as an `<svg>` element with variables for colours, transparent."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)
    names = {INK: "ink", FAINT: "faint", **{c: f"s{i}" for i, c in enumerate(SERIES)}}
    for colour, name in names.items():
        text = text.replace(colour, f"var(--{name})")
    light = {"ink": "#222", "faint": "#b5b5b5", **{f"s{i}": c for i, c in enumerate(LIGHT)}}
    dark = {"ink": "#e4e4e4", "faint": "#5c5c5c", **{f"s{i}": c for i, c in enumerate(DARK)}}
    css = f"{_variables(light)} @media (prefers-color-scheme: dark) {{ {_variables(dark)} }}"
    return text.replace("<defs>", f"<style>{css}</style><defs>", 1)


def _variables(colours):
    return ":root { " + " ".join(f"--{name}: {value};" for name, value in colours.items()) + " }"


@styled
def det(curves: Mapping[str, Sequence[Pair]], title: str) -> str:
    """DET curves on normal-deviate axes. curves: {name: [(bona fide, spoof) scores per run]}."""
    figure, axes = new_figure(WIDTH)
    smallest = min(min(len(b), len(s)) for runs in curves.values() for b, s in runs)
    low = norm.ppf(np.clip(0.5 / smallest, 0.0005, 0.02))
    high, least = norm.ppf(0.6), 0.0
    for index, (name, runs) in enumerate(curves.items()):
        for number, (bonafide, spoof) in enumerate(runs):
            x, y = _normal_deviates(bonafide, spoof, low)
            least = max(least, float(np.min(np.maximum(x, y))))
            axes.plot(
                x,
                y,
                color=SERIES[index % len(SERIES)],
                linewidth=WIDTHS[min(number, len(WIDTHS) - 1)],
                alpha=0.9,
                linestyle=("-", "--", "-.", ":")[(index + index // len(SERIES)) % 4],
                label=None if number else name,
            )
    high = max(high, min(least + 0.3, norm.ppf(0.95)))
    axes.plot([low, high], [low, high], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    ticks = _ticks(low, high)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(norm.ppf(np.array(ticks) / 100), [f"{p:g}" for p in ticks])
    axes.set(xlim=(low, high), ylim=(low, high), title=title)
    axes.set(xlabel="spoof accepted, %", ylabel="bona fide rejected, %", aspect="equal")
    axes.legend(loc="best")
    return to_svg(figure)


def _ticks(low, high):
    """Percentages between the limits that do not crowd each other."""
    ticks: list[float] = []
    for percent in PERCENT:
        place = norm.ppf(percent / 100)
        if low <= place <= high and (
            not ticks or place - norm.ppf(ticks[-1] / 100) > 0.07 * (high - low)
        ):
            ticks.append(percent)
    return ticks


def _normal_deviates(bonafide, spoof, low):
    frr, far, _ = det_curve(bonafide, spoof)
    x, y = (np.clip(norm.ppf(rate), low - 1, -low + 1) for rate in (far, frr))
    if x.size <= MOST_POINTS:
        return x, y
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    keep = np.unique(length.searchsorted(np.linspace(0, length[-1], MOST_POINTS)))
    return x[keep], y[keep]


@styled
def histogram(groups: Mapping[str, np.ndarray], title: str, calibrated: bool) -> str:
    """Densities of scores. groups: {name: scores}; calibrated: mark the Bayes threshold."""
    figure, axes = new_figure(3.4)
    everything = np.concatenate(list(groups.values()))
    low, high = np.quantile(everything, [0.002, 0.998])
    edges = np.linspace(low, high, 41) if high > low else np.linspace(low - 1, high + 1, 41)
    for index, (name, scores) in enumerate(groups.items()):
        density, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges, density=True)
        colour = SERIES[index % len(SERIES)]
        axes.stairs(density, edges, color=colour, alpha=0.18, fill=True)
        axes.stairs(density, edges, color=colour, linewidth=1.4, label=f"{name} ({len(scores)})")
    if calibrated:
        axes.axvline(bayes_threshold(), color=INK, linewidth=0.9, linestyle="--", alpha=0.7)
        axes.set_xlabel("LLR; dashed: accept from here on")
    else:
        axes.set_xlabel("score, higher = more bona fide")
    axes.set(title=title, ylabel="density")
    figure.legend(loc="outside lower center", ncols=3, columnspacing=1.0, handlelength=1.2)
    return to_svg(figure)


@styled
def training(curves: Sequence[Mapping[str, Sequence[float]]], title: str) -> str:
    """Losses, and EER on dev and on sets watched. curves: {column: values} per run of a system."""
    figure, (above, below) = new_figure(4.2, rows=2)
    for run, curve in enumerate(curves):
        for index, column in enumerate(("train_loss", "dev_loss")):
            if column in curve:
                label = None if run else column.replace("_", " ")
                above.plot(
                    curve["epoch"], curve[column], color=SERIES[index], linewidth=1.2, label=label
                )
        watched = sorted(name for name in curve if name.startswith("watch_"))
        for index, column in enumerate(["dev_eer", *watched] if "dev_eer" in curve else []):
            points = [(x, 100 * y) for x, y in zip(curve["epoch"], curve[column], strict=True)]
            points = [point for point in points if not np.isnan(point[1])]
            words = column.removesuffix("_eer").removeprefix("watch_")
            style = {"color": SERIES[(index + 2) % len(SERIES)], "linewidth": 1.2}
            below.plot(*np.reshape(points, (-1, 2)).T, label=None if run else words, **style)
    above.set(title=title, ylabel="loss")
    above.legend(loc="best")
    several = len(below.get_legend_handles_labels()[1]) > 1
    below.set(xlabel="epoch", ylabel="EER, %" if several else "dev EER, %")
    below.set_ylim(bottom=0)
    if several:
        below.legend(loc="best")
    below.xaxis.get_major_locator().set_params(integer=True)
    return to_svg(figure)


def watched(rows: Sequence[Mapping[str, float]], title: str, stream: IO[bytes]) -> None:
    """Losses, and EER on dev and on each set watched, by epoch, as PNG. rows: {column: number}."""
    colours = {"text.color": "black", "axes.labelcolor": "black", "axes.edgecolor": "gray"}
    colours |= {"grid.color": "lightgray"}
    with matplotlib.rc_context({**STYLE, **colours, "savefig.dpi": 150}):
        figure, panels = new_figure(5.0, rows=2)
        names = dict.fromkeys(name for row in rows for name in row)
        endings = (("_loss", 1, "loss"), ("_eer", 100, "EER, %"))
        for axes, (ending, unit, label) in zip(panels, endings, strict=True):
            for index, name in enumerate(name for name in names if name.endswith(ending)):
                points = [(row["epoch"], unit * row[name]) for row in rows if name in row]
                style = {"color": LIGHT[index % len(LIGHT)], "marker": ".", "linewidth": 1.2}
                words = name.removesuffix(ending).removeprefix("watch_")
                axes.plot(*zip(*points, strict=True), label=words, **style)
            axes.set_ylabel(label)
            axes.legend(loc="best")
        panels[0].set_title(title)
        panels[1].set(xlabel="epoch", ylim=(0, None))
        panels[1].xaxis.get_major_locator().set_params(integer=True)
        figure.savefig(stream, format="png", metadata={"Software": None})


@styled
def forest(rows: Sequence[tuple[str, int, float, float, float]], title: str) -> str:
    """EER with intervals. rows: [(name, index of its system, eer, low, high)], fractions."""
    figure, axes = new_rows([row[0] for row in rows])
    for y, (_, system, value, low, high) in enumerate(rows):
        colour = SERIES[system % len(SERIES)]
        axes.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=2.2, alpha=0.55)
        axes.plot(100 * value, y, "o", color=colour, markersize=5)
    axes.set(title=title, xlabel="EER, %")
    axes.set_xlim(left=0)
    return to_svg(figure)
