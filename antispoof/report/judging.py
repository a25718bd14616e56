"""Tables of the page that are not of results alone: calibration, comparisons, costs, counts."""

import json
from html import escape
from pathlib import Path

import numpy as np

from .. import metrics
from ..bootstrap import METRICS as COMPARED
from ..comparison import TEXTS, WORDS
from ..errors import UserError
from ..ranking import read_cost
from .collect import ALL, by_system, conditions, mean_sd
from .html import table, wrapped


def calibration(runs, scored):
    """Cllr and actDCF before and after calibration, beside the least that any could reach."""
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
    after = (None, None, None)
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
    return f"{mean:.{digits}f}" + ("" if sd is None else f"<small>± {sd:.{digits}f}</small>")


def comparisons(paths):
    """Tables and sentences of files that steps/compare.py wrote. Raises UserError."""
    parts = []
    for path in paths:
        found = _read(path)
        names = " &minus; ".join(map(wrapped, found["systems"]))
        where = escape(f"{found['set']} {found['trials'] or ''}".strip())
        seeds = f", {len(found['seeds'])} seeds" if len(found["seeds"]) > 1 else ""
        rows = [row for metric in COMPARED for row in _compared(found, metric)]
        header = ["drawn anew", "difference", "95 % interval", "p"]
        said = "".join(f"<li>{escape(line)}</li>" for line in found["sentences"])
        parts.append(f"{table(header, rows, f'{names} on {where}{seeds}')}<ul>{said}</ul>")
    return "".join(parts)


def _compared(found, metric):
    own = found["metrics"].get(metric)
    if own is None:
        return
    title, factor, digits, unit = TEXTS[metric]
    for key, also in (("trials", ""), ("mixed", " and seeds")):
        for kind in (kind for kind in WORDS if kind in own.get(key, {})):
            judged = own[key][kind]
            low, high = (f"{factor * value:+.{digits}f}" for value in judged["interval"])
            label = f"{title}: {WORDS.get(kind, kind)}{also}"
            label += f" <small>{escape(found['units'].get(kind, ''))}</small>"
            gap = f"{factor * own['difference']:+.{digits}f}{unit}"
            yield [label, gap, f"{low} to {high}", f"{judged['p']:.3g}"]


def _read(path):
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is not JSON ({error}); run steps/compare.py again") from None
    missing = {"systems", "seeds", "set", "trials", "metrics", "sentences"} - set(found)
    if missing:
        raise UserError(f"{path}: lacks '{min(missing)}'; wanted what steps/compare.py writes")
    return found


def costs(runs):
    """What each system costs, where its cost.json is there; a fusion costs what its parts do."""
    rows = []
    for system, own in by_system(runs).items():
        try:
            found = read_cost(own[0].path)
        except UserError:
            continue  # not measured
        size, macs = 4 * found["parameters"] / 1e6, found["macs"] / 1e6
        cells = [f"{found['parameters']:,}", f"{size:,.2f}", f"{macs:,.0f}"]
        eer = [run.results[ALL]["pooled"]["eer"] for run in own if ALL in run.results]
        cells.append(f"{found['latency_ms']:,.1f}")
        rows.append([wrapped(system), *cells, f"{100 * np.mean(eer):.2f}" if eer else "-"])
    header = ["system", "parameters", "MB as float32", "million MACs", "ms on one thread", "EER %"]
    caption = "Of the whole detector, 64,600 samples (4 s) at once"
    return table(header, rows, caption) if rows else ""


def counts(runs):
    """How many trials each condition has."""
    rows = []
    for condition in conditions(runs):
        found = {
            tuple(run.results[condition]["counts"][key] for key in ("bonafide", "spoof", "trials"))
            for run in runs
            if condition in run.results
        }
        rows += [[escape(condition), *(f"{value:,}" for value in row)] for row in sorted(found)]
    return table(["trials", "bona fide", "spoof", "together"], rows, "Data counts")
