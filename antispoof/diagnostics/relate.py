"""Does a diagnostic tell how a system does on attacks that training does not know?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.json_files import number, read_json
from ..errors import UserError
from ..evaluation.layout import result_path, scores_path
from ..evaluation.results import read_diagnostics
from ..evaluation.scores import join
from ..metrics import eer
from ..metrics.ranks import FEWEST, rank_correlation

__all__ = ["FEWEST", "NAMES", "page", "rank_correlation", "read", "relate", "sentence"]
NAMES = {  # of each diagnostic: its name on a page
    "hessian": "trace of the Hessian",
    "relative": "relative trace",
    "loss_gap": "loss gap",
    "gradient_snr": "gradient SNR",
    "weight_norm": "weight norm",
    "davies_bouldin": "Davies–Bouldin",
    "ece": "ECE",
    "nonlinearity": "nonlinearity",
}
SPREAD = ("hessian", "relative")  # records with a mean and a standard error
SHAPE = {
    "hessian": {"mean": number, "error?": number},
    "relative?": {"mean": number, "error?": number},
    "loss_gap": (number, None),
    "gradient_snr": (number, None),
    "davies_bouldin": (number, None),
    **dict.fromkeys(("weight_norm", "ece", "nonlinearity"), number),
}
ALIKE = "experiments of one design are not independent, which makes the interval too short"


def read(exp: Path, results: str, data_dir: Path | None = None, trials: str | None = None) -> dict:
    """{diagnostic: number, exp, eer} of an experiment, with the errors of those that have one.

    The EER is that of its `<results>/result.json`, or, with a data directory, of its scores there.
    """
    found = read_diagnostics(exp, SHAPE)
    row: dict[str, Any] = {name: found.get(name) for name in NAMES}
    for name in SPREAD:
        own = row[name] or {"mean": None}
        row |= {name: own["mean"], f"{name}_error": own.get("error")}
    if data_dir:
        rate = eer(*join(data_dir, scores_path(exp, data_dir.name), trials).split())
    else:
        shape = {"pooled": {"eer": number}}
        path = result_path(exp, results)
        rate = read_json(path, shape, missing="evaluate it (stage 6)")["pooled"]["eer"]
    return {**row, "exp": str(exp), "eer": rate}


def relate(rows: Sequence[Mapping[str, Any]], level: float) -> dict[str, dict[str, Any]]:
    """{diagnostic: Spearman's rho with the EER, its interval, and of how many experiments}."""
    found = {}
    for name in NAMES:
        pairs = [(row[name], row["eer"]) for row in rows if row[name] is not None]
        if not pairs:
            continue  # as the gap of the loss, where no training data was given
        if len(pairs) < FEWEST:
            raise UserError(
                f"{name}: found {len(pairs)} experiments that have it, wanted {FEWEST} or more"
            )
        values, rates = zip(*pairs, strict=True)
        rho, interval = rank_correlation(values, rates, level)
        own = None if np.isnan(rho) else rho
        found[name] = {"rho": own, "interval": interval, "count": len(pairs)}
    return found


def sentence(name: str, of: str, rho: float | None, interval: tuple[float, float]) -> str:
    """What may be said of it."""
    if rho is None or np.isnan(rho):
        return f"{name} is the same in all experiments."
    low, high = interval
    shown = f"rho {rho:+.2f} [{low:+.2f}, {high:+.2f}]"
    if low > 0 or high < 0:
        way = "larger" if rho > 0 else "smaller"
        return f"The larger {name}, the {way} {of}: {shown}."
    return f"Whether {name} tells {of} cannot be said here: {shown}."


def page(record: Mapping[str, Any]) -> str:
    """Markdown: a row for each experiment, then one for each diagnostic."""
    rows, level = record["experiments"], 100 * record["level"]
    shown = [name for name in NAMES if any(row[name] is not None for row in rows)]
    lines = [
        "# Diagnostics of trained models",
        "",
        f"{len(rows)} experiments, with the EER on {record['set']}. Of a mean over clips, ± its "
        "standard error; within two of these from 0, the clips do not tell a sign. The trace "
        "compares a model with itself alone, the relative trace designs too; what each can say: "
        "`docs/diagnostics.md`. No number is good or bad by itself.",
        "",
        *_table(["experiment", "EER %", *(NAMES[name] for name in shown)], _cells(rows, shown)),
        "",
        f"Spearman's rank correlation of each with the EER, {level:g} % interval; {ALIKE}.",
        "",
        *_table(["diagnostic", "rho", "interval", "experiments", "tells the EER"], _told(record)),
    ]
    return "\n".join([*lines, ""])


def _cells(rows, shown):
    for row in rows:
        cells = [Path(row["exp"]).name, f"{100 * row['eer']:.2f}"]
        for name in shown:
            text = "-" if row[name] is None else f"{row[name]:.4g}"
            error = row.get(f"{name}_error")
            if error is not None:
                unsure = " (sign open)" if abs(row[name]) <= 2 * error else ""
                text += f" ± {error:.2g}{unsure}"
            cells.append(text)
        yield cells


def _told(record):
    for name, own in record["correlations"].items():
        low, high = own["interval"]
        if own["rho"] is None:
            yield [NAMES[name], "-", "-", str(own["count"]), "the same in all"]
        else:
            said = "yes" if low > 0 or high < 0 else "cannot tell"
            ends = f"[{low:+.2f}, {high:+.2f}]"
            yield [NAMES[name], f"{own['rho']:+.2f}", ends, str(own["count"]), said]


def _table(header, rows) -> Iterator[str]:
    for cells in (header, [":--", *["--:"] * (len(header) - 1)], *rows):
        yield "| " + " | ".join(cells) + " |"
