"""The section of diagnostics: what steps/diagnose.py wrote, and whether it goes with the EER."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.json_files import number, read_json
from ..evaluation.layout import diagnostics_path
from ..evaluation.results import read_diagnostics
from . import plots
from .collect import Run, by_system
from .figures import Picture
from .html import piece, table, wrapped

SHOWN = {  # of each diagnostic: its name, and what it is in short; docs/diagnostics.md says more
    "hessian": ("trace of the Hessian", "curvature of the loss in the weights, mean ± error"),
    "relative": ("relative trace", "of the same, each tensor by its mean square: designs compare"),
    "loss_gap": ("loss gap", "loss on dev less loss on training data"),
    "gradient_snr": ("gradient SNR", "whether clips pull in one direction; near 0 at the end"),
    "weight_norm": ("weight norm", "Euclidean norm of all trainable weights"),
    "davies_bouldin": ("Davies–Bouldin", "spread of the classes over their distance; 0: apart"),
    "ece": ("ECE", "gap of P(bona fide) and the share of bona fide, of known attacks"),
    "nonlinearity": ("nonlinearity", "what a gradient does not explain of a random step of 1 %"),
}
RECORD = {
    "set": str,
    "model?": str,
    "hessian": {"mean": number, "error": number, "per_parameter": number, "inputs": int},
    "relative?": {"mean": number, "error": number},
    **{name: (number, None) for name in SHOWN if name not in ("hessian", "relative")},
}
AGREEMENT = {"rho": (number, None), "interval": [number, number]}
RELATED = {"set": str, "level": number, "correlations": {"*": AGREEMENT}}
OF_ALL = "diagnostics_of_all.json"  # next to the experiments: steps/relate_diagnostics.py


def diagnostics(runs: Sequence[Run]) -> tuple[str, list[Picture]]:
    """HTML of all runs with a diagnostics.json, and a picture of their traces; ("", []) of none."""
    found = {}
    for run in runs:
        if diagnostics_path(run.path).is_file():
            found[run.name] = run, read_diagnostics(run.path, RECORD)
    if not found:
        return "", []
    rows = [[_name(run), *_cells(record)] for run, record in found.values()]
    sets = ", ".join(sorted({Path(record["set"]).name for _, record in found.values()}))
    curved = ["trace of the Hessian", "sign", "relative trace", "sign"]
    header = ["run", *curved, *(SHOWN[name][0] for name in _others())]
    words = piece("listed", [f"{name}: {text}." for name, text in SHOWN.values()])
    said = (
        "No number here is good or bad by itself: bands that were published are of other models "
        "and losses. Of a trace within two standard errors of 0, these clips cannot tell the sign."
    )
    shown = table(header, rows, f"Diagnostics of trained models, on clips of {sets}")
    parts = [shown, piece("paragraph", said), piece("folded", "What each is", words)]
    parts += [
        _related(place / OF_ALL) for place in sorted({r.path.parent for r, _ in found.values()})
    ]
    return piece("joined", parts), [_picture(found, list(by_system(runs)))]


def _others():
    return [name for name in SHOWN if name not in ("hessian", "relative")]


def _name(run):
    return wrapped(run.name)


def _cells(record):
    for own in (record["hessian"], record.get("relative")):
        yield piece("cell", f"{own['mean']:.4g}", [f"± {own['error']:.2g}"]) if own else "-"
        yield sign_text(own["mean"], own["error"]) if own else "-"
    for name in _others():
        yield "-" if record[name] is None else f"{record[name]:.4g}"


def sign_text(mean: float, error: float) -> str:
    """On which side of 0 a mean is; two standard errors that cover both do not tell."""
    if abs(mean) <= 2 * error:
        return "cannot tell"
    return "above 0" if mean > 0 else "below 0"


def _related(path):
    """Each diagnostic against EER, over all experiments."""
    if not path.is_file():
        return ""
    found = read_json(path, RELATED, wrong="run steps/relate_diagnostics.py again")
    rows = []
    for name, own in found["correlations"].items():
        if name in SHOWN:
            rows.append([SHOWN[name][0], *_agreement(own), str(own.get("count", "-"))])
    caption = (
        f"Spearman's rank correlation with the EER on {found['set']}, {100 * found['level']:g} % "
        "interval; experiments of one design are not independent, which makes it too short"
    )
    return table(["diagnostic", "rho", "tells the EER", "experiments"], rows, caption)


def _agreement(own: Mapping[str, Any]):
    if own["rho"] is None:
        return "-", "the same in all"
    low, high = own["interval"]
    shown = piece("cell", f"{own['rho']:+.2f}", [f"{low:+.2f} to {high:+.2f}"])
    return shown, "yes" if low > 0 or high < 0 else "cannot tell"


def _picture(found, systems):
    rows = [
        (name, systems.index(run.system), record["hessian"]["mean"], record["hessian"]["error"])
        for name, (run, record) in found.items()
    ]
    alt = "Trace of the Hessian of " + ", ".join(
        f"{name}: {mean:.3g} ± {error:.2g}" for name, _, mean, error in rows
    )
    return Picture(traces(rows), alt)


@plots.styled
def traces(rows: Sequence[tuple[str, int, float, float]]) -> str:
    """Means with two standard errors. rows: [(name, index of its system, mean, error)]."""
    figure, axes = plots.new_rows([row[0] for row in rows])
    for y, (_, system, mean, error) in enumerate(rows):
        colour = plots.SERIES[system % len(plots.SERIES)]
        ends = [mean - 2 * error, mean + 2 * error]
        axes.plot(ends, [y, y], color=colour, linewidth=2.2, alpha=0.55)
        axes.plot(mean, y, "o", color=colour, markersize=5)
    sizes = sorted(abs(mean) for _, _, mean, _ in rows)
    least = max(sizes[len(sizes) // 2], sizes[-1] * 1e-4) or 1.0
    first = int(np.floor(np.log10(least)))
    axes.set_xscale("symlog", linthresh=10.0**first)
    axes.axvline(0, color=plots.FAINT, linewidth=1)
    limits, decades = axes.get_xlim(), 10.0 ** np.arange(first, 20)  # marks below stand too close
    axes.set_xticks([x for x in (*-decades, 0, *decades) if limits[0] <= x <= limits[1]])
    axes.set_xlim(limits)
    axes.set(title="Trace of the Hessian, ± 2 errors", xlabel="nats, symmetric logarithm")
    return plots.to_svg(figure)
