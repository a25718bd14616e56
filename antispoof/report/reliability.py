"""Reliability diagrams: how often what is called bona fide with some probability is."""

import numpy as np

from ..evaluation.evaluate import posteriors
from ..metrics import ece
from ..metrics.checks import Pair
from .plots import FAINT, INK, SERIES, new_figure, styled, to_svg

BINS = 15


def curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins that hold trials: mean P(bona fide) (B,), share of bona fide (B,), trials (B,).

    bonafide, spoof: LLRs, taken at the odds of the two classes in these trials.
    """
    parts = posteriors(bonafide, spoof)
    p = np.concatenate(parts)
    hit = np.arange(p.size) < bonafide.size
    which = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], p)
    size = np.bincount(which, minlength=BINS)
    held = size > 0
    total = [np.bincount(which, weights, BINS)[held] for weights in (p, hit)]
    return total[0] / size[held], total[1] / size[held], size[held]


@styled
def reliability(before: Pair, after: Pair | None, title: str) -> str:
    """before, after: (bona fide, spoof) scores and LLRs; after None where there are none."""
    figure, axes = new_figure(4.2)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    shown = [("scores as they are", before, INK, "--"), ("calibrated", after, SERIES[0], "-")]
    for label, parts, colour, line in shown:
        if parts is not None:
            x, y, size = curve(*parts)
            text = f"{label}, ECE {ece(*posteriors(*parts)):.3f}"
            axes.plot(x, y, color=colour, linewidth=1.4, linestyle=line, label=text)
            area = 4 + 60 * size / size.sum()
            axes.scatter(x, y, s=area, color=colour, linewidths=0)
    axes.set(title=title, xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="P(bona fide) by the system", ylabel="share of bona fide")
    figure.legend(loc="outside lower center")
    return to_svg(figure)
