"""One picture of why a sound got its LLR: an `Explanation` as PNG.

Red speaks for spoof, blue for bona fide, everywhere. Above, the patches over the spectrogram, with
each band and each column as a whole next to them; below, what the model says of itself, and the
curves that check the patches.
"""

from pathlib import Path
from typing import IO, Any

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from ..errors import printable
from ..report.plots import LIGHT, STYLE
from ..systems.where import Timeline
from .insides import KeptNodes
from .occlusion import Curve, Explanation
from .patches import HOP, N_FFT

COLOURS = {"text.color": "black", "axes.labelcolor": "black", "axes.edgecolor": "gray"}
RED, BLUE, GREY = (0.75, 0.10, 0.12), (0.10, 0.30, 0.75), "#555555"
STRONGEST = 0.7  # opacity of the strongest patch
RANGE = 70.0  # dB of the spectrogram
WIDTH = 9.0  # inches


def draw(found: Explanation, stream: str | Path | IO[bytes]) -> None:
    """Write the picture of `found` as PNG."""
    style = {**STYLE, **COLOURS, "xtick.color": "black", "ytick.color": "black"}
    style |= {"text.parse_math": False}  # a $ in a name is a $
    style |= {"axes.grid": False, "savefig.dpi": 130, "font.size": 9, "axes.titlesize": 9}
    with matplotlib.rc_context(style):
        strips = 0.35 * (len(_rows(found)) + bool(found.frames))
        figure = Figure(figsize=(WIDTH, 8.0 + strips), layout="constrained")
        figure.suptitle(_title(found), fontsize=10)
        parts: Any = figure.subfigures(2, 1, height_ratios=(5 + strips, 3))
        _draw_sound(parts[0], found)
        _draw_checks(parts[1], found)
        figure.savefig(stream, format="png", metadata={"Software": None})


def _title(found):
    name = printable(Path(found.name).name)[-80:].encode(errors="replace").decode()
    span = f"{found.times[0]:.2f} to {found.times[-1]:.2f} s" if found.start else ""
    patch = f"{_width(found.times):.2f} s x {_width(found.bands):.0f} Hz"
    said = f"LLR {found.llr:.2f}: {found.decision} (bonafide from {found.threshold:.2f} on)"
    if np.isnan(found.threshold):
        said = f"score {found.llr:.2f}, not calibrated: no LLR and no decision"
    return f"{name} {span}\n{said}\nA patch is {patch}; it is replaced by {_FILLS[found.fill]}."


_FILLS = {
    "background": "the background noise of the sound",
    "mean": "noise at the mean level of the sound",
    "silence": "silence",
}


def _width(edges):
    return edges[1] - edges[0]


def colours() -> ListedColormap:
    """Red over nothing to blue, as an overlay; opaque as the effect is strong."""
    at = np.linspace(-1, 1, 255)
    rgb = np.where(at[:, None] < 0, RED, BLUE)
    return ListedColormap(np.column_stack([rgb, STRONGEST * np.abs(at)]))


def _draw_sound(figure, found):
    rows = [*_rows(found), *([found.frames] if found.frames else [])]
    grid = figure.add_gridspec(
        2 + len(rows), 3, width_ratios=(12, 2, 0.35), height_ratios=(5, 1.2, *[0.35] * len(rows))
    )
    main = figure.add_subplot(grid[0, 0])
    _spectrogram(main, found)
    most = max(float(np.abs(found.effect).max()), 1e-9)
    norm, own = Normalize(-most, most), colours()
    main.pcolormesh(found.times, found.bands / 1000, found.effect, norm=norm, cmap=own)
    main.set(ylabel="frequency, kHz", ylim=(0, 8))
    bar = figure.colorbar(ScalarMappable(norm, own), cax=figure.add_subplot(grid[0, 2]))
    bar.set_label("effect of a patch on the LLR\n← red: speaks for spoof     blue: bona fide →")
    side = figure.add_subplot(grid[0, 1], sharey=main)
    _bars(side.barh, found.bands / 1000, found.by_band)
    side.axvline(0, color=GREY, linewidth=0.8)
    side.set(xlabel="effect of the\nwhole band", ylim=(0, 8))
    side.tick_params(labelleft=False)
    under = figure.add_subplot(grid[1, 0], sharex=main)
    _bars(under.bar, found.times, found.by_time)
    under.axhline(0, color=GREY, linewidth=0.8)
    under.set(ylabel="effect of the\nwhole column")
    lowest = under
    for number, nodes in enumerate(rows):
        lowest = figure.add_subplot(grid[2 + number, 0], sharex=main)
        if isinstance(nodes, Timeline):
            _timeline(lowest, nodes, found.start)
        else:
            _strip(lowest, nodes)
    for axes in (main, under):
        axes.tick_params(labelbottom=axes is lowest)
    lowest.set(xlabel="time, s", xlim=(found.times[0], found.times[-1]))
    _frequency_nodes(main, found)


def _spectrogram(axes, found):
    """Dark where there is sound, up to RANGE below the loudest."""
    wave, window = np.pad(found.wave, N_FFT // 2), np.hanning(N_FFT)
    frames = np.lib.stride_tricks.sliding_window_view(wave, N_FFT)[::HOP]
    level = 20 * np.log10(np.abs(np.fft.rfft(frames * window)).T + 1e-9)
    extent = (found.times[0], found.times[-1], 0, 8)
    options: dict[str, Any] = {"vmin": level.max() - RANGE, "vmax": level.max()}
    axes.imshow(
        level, cmap="Greys", origin="lower", aspect="auto", extent=extent, alpha=0.75, **options
    )


def _bars(bars, edges, values):
    colour = [RED if value < 0 else BLUE for value in values]
    middles = (edges[1:] + edges[:-1]) / 2
    bars(middles, values, 0.9 * np.diff(edges), color=colour)


def _rows(found) -> list[KeptNodes]:
    """Kept nodes of time, a row for each graph."""
    return [nodes for nodes in found.nodes if nodes.kind == "time"]


def _strip(axes, nodes):
    """Nodes of time: dark those that a branch keeps too, light those of the first pool alone."""
    shade = nodes.kept.astype(float) + nodes.branches.any(0)
    edges = np.append(nodes.starts, nodes.ends[-1])
    axes.pcolormesh(edges, [0, 1], shade[None], cmap="Greens", vmin=0, vmax=2)
    axes.set(yticks=[])
    axes.set_ylabel("kept\nnodes", rotation=0, ha="right", va="center")


def _timeline(axes, frames, start):
    """Scores of frames: red below 0, where they are rather spoofed, blue above."""
    scores = np.array(frames.scores)
    edges = start + frames.seconds * np.arange(len(scores) + 1)
    most = max(float(np.abs(scores).max()), 1e-9)
    axes.pcolormesh(edges, [0, 1], scores[None], cmap=colours(), vmin=-most, vmax=most)
    axes.set(yticks=[])
    axes.set_ylabel("frames", rotation=0, ha="right", va="center")


def _frequency_nodes(axes, found):
    """Nodes of frequency that are kept, at the right edge of the spectrogram."""
    for nodes in found.nodes:
        if nodes.kind == "frequency" and np.isfinite(nodes.starts).all():
            for low, high in zip(nodes.starts[nodes.kept], nodes.ends[nodes.kept], strict=True):
                axes.axhspan(low / 1000, high / 1000, xmin=0.985, color="#2a8050")


def _draw_checks(figure, found):
    count = 2 + bool(found.layers)
    axes = figure.subplots(1, count)
    colour = BLUE if found.insertion.direction > 0 else RED  # of what is marked
    _curve(axes[0], colour, found.deletion, "deletion", "patches taken out, %")
    _curve(axes[1], colour, found.insertion, "insertion", "patches brought back, %")
    axes[0].set(ylabel="LLR; higher = more bona fide")
    lines, words = axes[0].get_legend_handles_labels()
    figure.legend(lines, words, loc="outside lower left", ncols=2, fontsize=8)
    figure.suptitle(found.check, fontsize=9)
    if found.layers:
        _layers(axes[2], found)


def _curve(axes, colour, curve: Curve, what, label):
    share = 100 * curve.shares
    low, high = curve.random.min(0), curve.random.max(0)
    axes.fill_between(share, low, high, color=GREY, alpha=0.25, linewidth=0)
    axes.plot(share, curve.random.mean(0), "--", color=GREY, label="random orders, mean and range")
    axes.plot(share, curve.marked, ".-", color=colour, label="what is marked most, first")
    areas = curve.random_areas
    axes.set(
        xlabel=label,
        title=f"{what}: area {curve.area:.2f}, random {areas.mean():.2f}\n"
        f"({areas.min():.2f} to {areas.max():.2f})",
    )


def _layers(axes, found):
    for number, own in enumerate(found.layers):
        colour, line = LIGHT[number % len(LIGHT)], ("-", "--", ":")[number // len(LIGHT) % 3]
        words = f"{own.system}: {own.kind}"
        axes.plot(own.layers, own.weights, line, marker=".", color=colour, label=words)
    axes.set(xlabel="layer of the front end", title="weights of layers")
    axes.set_ylim(0, 1.15 * max(own.weights.max() for own in found.layers))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="best", fontsize=7)
