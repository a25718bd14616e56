"""Tables of the page that are not of results alone: calibration, costs, the order, counts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .. import metrics
from ..data.json_files import read_json
from ..errors import UserError
from ..evaluation.results import read_cost
from . import domain_scatter
from .collect import ALL, Run, by_system, conditions, mean_sd
from .figures import Picture, Scored
from .html import piece, table, wrapped
from .rank_tables import agreement_text, tables


def calibration(runs: Sequence[Run], scored: Mapping[str, Scored]) -> str:
    """Cllr and actDCF before and after calibration, next to the least that any could reach."""
    rows = []
    for system, own in by_system(runs).items():
        found = [_costs(scored[run.name]) for run in own if run.name in scored]
        if found:
            columns = zip(*found, strict=True)
            rows.append(
                [
                    wrapped(system),
                    *(_mean([v for v in column if v is not None]) for column in columns),
                ]
            )
    header = ["system", "Cllr as scored", "calibrated", "least", "actDCF as scored", "calibrated"]
    caption = "Calibration, learnt on dev: before and after, over all trials"
    return table([*header, "least", "ECE"], rows, caption) if rows else ""


def _costs(scored):
    parts = scored.trials.split()
    after: tuple[float | None, ...] = (None, None, None)
    if scored.llr is not None:
        llr = scored.trials.split(scored.llr)
        after = metrics.cllr(*llr), metrics.act_dcf(*llr), scored.ece
    least = metrics.min_cllr(*parts), metrics.min_dcf(*parts)
    before = metrics.cllr(*parts), metrics.act_dcf(*parts)
    return before[0], after[0], least[0], before[1], after[1], least[1], after[2]


def _mean(values, digits=3):
    if not values:
        return "-"
    mean, sd = mean_sd(values)
    return piece("cell", f"{mean:.{digits}f}", [] if sd is None else [f"± {sd:.{digits}f}"])


def costs(runs: Sequence[Run]) -> str:
    """What each system costs, where its cost.json is there; a fusion costs what its parts do."""
    rows = []
    for system, own in by_system(runs).items():
        try:
            found = read_cost(own[0].path)
        except UserError:
            continue  # not measured
        size, macs = 4 * found["parameters"] / 1e6, found["macs"] / 1e6
        cells = [f"{found['parameters']:,}", f"{size:,.2f}", f"{macs:,.0f}"]
        cells.append(f"{found['latency']:,.2f}")
        eer = [run.results[ALL]["pooled"]["eer"] for run in own if ALL in run.results]
        rows.append([wrapped(system), *cells, f"{100 * np.mean(eer):.2f}" if eer else "-"])
    header = ["system", "parameters", "MB as float32", "million MACs", "time", "EER %"]
    caption = (
        "Of the whole detector, 64,600 samples (4 s) at once, or the length that its head is made "
    )
    caption += "for; time on one thread, in products of 1024 × 1024 matrices"
    return table(header, rows, caption) if rows else ""


def order(path: str | Path) -> tuple[str, Picture]:
    """What steps/rank.py wrote, as HTML, and its picture. Raises UserError."""
    try:
        found = read_json(path)
        shown = piece("joined", [_plain(own) for own in tables(found)])
        said = agreement_text(found)
        points = domain_scatter.by_system(found["runs"], **found["eer"])
    except (UserError, ValueError, LookupError, TypeError, AttributeError, RuntimeError):
        raise UserError(f"{path}: wanted what steps/rank.py --out writes; run it again") from None
    picture = domain_scatter.domains(points)
    alt = f"EER in domain and out of it. {said}"
    return shown + piece("paragraph", said), Picture(picture, alt)


def _plain(own):
    """A Table as HTML."""
    rows = [[wrapped(row[0]), *row[1:]] for row in own.rows]
    return table(own.header, rows, own.title)


def counts(runs: Sequence[Run]) -> str:
    """How many trials each condition has."""
    rows = []
    for condition in conditions(runs):
        found = {
            tuple(run.results[condition]["counts"][key] for key in ("bonafide", "spoof", "trials"))
            for run in runs
            if condition in run.results
        }
        rows += [[condition, *(f"{value:,}" for value in row)] for row in sorted(found)]
    return table(["trials", "bona fide", "spoof", "together"], rows, "Data counts")
