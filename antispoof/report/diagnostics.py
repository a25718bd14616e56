"""A picture of an experiment's diagnostics: the curvature at each clip, by class."""

from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from matplotlib.figure import Figure

from .. import LABELS

COLOURS = {"bonafide": "#1f6fb2", "spoof": "#c2541b"}
WORDS = {"bonafide": "bona fide", "spoof": "spoof"}


def picture(record: Mapping[str, Any], stream: IO[bytes]) -> None:
    """PNG: the trace of each clip as a point, the mean with two standard errors as a band."""
    figure = Figure(figsize=(7.0, 3.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    traces, labels = np.array(record["by_input"]), np.array(record["labels"])
    rng = np.random.default_rng(0)
    for row, name in enumerate(LABELS):
        own = traces[labels == name]
        height = row + rng.uniform(-0.28, 0.28, len(own))
        axes.scatter(own, height, s=14, alpha=0.7, color=COLOURS[name], linewidths=0)
    hessian = record["hessian"]
    low, high = (hessian["mean"] + sign * 2 * hessian["error"] for sign in (-1, 1))
    axes.axvspan(low, high, color="#888888", alpha=0.25, linewidth=0)
    axes.axvline(hessian["mean"], color="#444444", linewidth=1)
    wide = max(float(np.abs(traces).max()), 1e-12)
    scale = max(float(np.median(np.abs(traces))), wide * 1e-4)
    axes.set_xscale("symlog", linthresh=scale)
    axes.set_yticks(range(len(LABELS)), [WORDS[name] for name in LABELS])
    axes.set_ylim(-0.6, len(LABELS) - 0.4)
    axes.set_xlabel("trace of the Hessian of a clip's loss (nats), symmetric logarithmic axis")
    axes.set_title(
        f"{record['exp']} on {record['set']}: mean {hessian['mean']:.3g}, ± 2 standard errors",
        fontsize=9,
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(stream, format="png", metadata={"Software": None})
