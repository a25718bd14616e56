"""Held-out against out-of-domain results: does the one tell the other?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..paths import system_and_seed
from .collect import mean_sd
from .plots import FAINT, SERIES, new_figure, styled, to_svg

MARKERS = "osD^vP*X"


def by_system(
    runs: Sequence[str | Path], in_domain: Sequence[float], out_of_domain: Sequence[float]
) -> dict[str, list[list[float]]]:
    """{system: [(EER in domain, out of domain) of each seed]}, fractions, best in domain first."""
    points: dict[str, list[list[float]]] = {}
    for run, *point in zip(runs, in_domain, out_of_domain, strict=True):
        points.setdefault(system_and_seed(run)[0], []).append(point)
    return dict(sorted(points.items(), key=lambda item: mean_sd([x for x, _ in item[1]])[0]))


@styled
def domains(points: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """A point for each run, the mean of each system larger. points: as `by_system` has them."""
    figure, axes = new_figure(4.6 + 0.2 * ((len(points) + 1) // 2))
    highest = 100 * max(max(pair) for own in points.values() for pair in own)
    axes.plot([0, highest], [0, highest], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    for index, (name, own) in enumerate(points.items()):
        x, y = ([100 * value for value in values] for values in zip(*own, strict=True))
        colour = SERIES[index % len(SERIES)]
        marker = MARKERS[(index + index // len(SERIES)) % len(MARKERS)]
        axes.scatter(x, y, s=14, color=colour, marker=marker, alpha=0.5, linewidths=0)
        mean = sum(x) / len(x), sum(y) / len(y)
        axes.scatter(*mean, s=64, color=colour, marker=marker, linewidths=0, label=name)
    axes.set(title="each seed, and the mean of each system", xlim=(0, None), ylim=(0, None))
    axes.set(xlabel="EER in domain, %", ylabel="EER out of domain, %")
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.0, handletextpad=0.3)
    return to_svg(figure)
