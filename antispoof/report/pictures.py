"""Which pictures a page gets: reads scores and curves of the runs, and draws them."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data_dir import read_trials
from ..errors import UserError
from ..scores import join
from . import draw
from .collect import ALL, by_system, conditions


@dataclass
class Picture:
    """An SVG with what it shows in words."""

    svg: str
    alt: str


def score_pictures(runs, data, set_name):
    """(DET curves, histograms), lists of `Picture`; empty where the data or scores are gone."""
    data_dir = Path(data) / set_name
    paths = {run.name: run.path / set_name / "scores" for run in runs}
    if not (data_dir / "utt2label").is_file():
        return [], []
    runs = [run for run in runs if paths[run.name].is_file()]
    trials = {run.name: join(data_dir, paths[run.name]) for run in runs}
    if not trials:
        return [], []
    ids = next(iter(trials.values())).ids
    lists = {name: _mask(data_dir, name, ids) for name in conditions(runs)}
    dets = [_det(runs, trials, name, mask) for name, mask in lists.items()]
    return dets, [_histogram(own[0], trials, lists, set_name) for own in by_system(runs).values()]


def _mask(data_dir, name, ids):
    if name == ALL:
        return np.ones(len(ids), bool)
    wanted = set(read_trials(data_dir, name))
    return np.array([utt in wanted for utt in ids])


def _det(runs, trials, name, mask):
    curves = {
        system: [_classes(trials[run.name], mask) for run in own]
        for system, own in by_system(runs).items()
    }
    n_bonafide, n_spoof = map(len, next(iter(curves.values()))[0])
    title = f"{name}: {n_bonafide} bona fide, {n_spoof} spoof"
    alt = f"DET curves of {', '.join(curves)} on {title} trials; lower left is better"
    return Picture(draw.det(curves, title), alt)


def _classes(trials, mask):
    bonafide = trials.is_bonafide
    return trials.scores[mask & bonafide], trials.scores[mask & ~bonafide]


def _histogram(run, trials, lists, set_name):
    own, path = trials[run.name], run.path / set_name / "llr" / "scores"
    calibrated = path.is_file()
    values = join(own.data_dir, path).scores if calibrated else own.scores
    groups = {"bona fide": values[own.is_bonafide]}
    for name, mask in lists.items():
        if name != ALL or len(lists) == 1:
            groups[name if name != ALL else "spoof"] = values[mask & ~own.is_bonafide]
    kind = "log-likelihood ratios" if calibrated else "scores"
    alt = f"Histogram of the {kind} of {run.name} for {', '.join(groups)}"
    return Picture(draw.histogram(groups, run.name, calibrated), alt)


def interval_pictures(runs):
    """A picture per condition: EER of each run with its interval."""
    pictures, systems = [], list(by_system(runs))
    for name in conditions(runs):
        rows = []
        for run in runs:
            result = run.results.get(name, {})
            found = result.get("intervals", {}).get("eer", {})
            interval = found.get("speaker") or found.get("iid")
            if interval:
                eer = result["pooled"]["eer"]
                rows.append((run.name, systems.index(run.system), eer, *interval))
        if rows:
            text = "; ".join(f"{row[0]} {100 * row[2]:.2f} %" for row in rows)
            alt = f"EER on {name} with 95 % intervals: {text}"
            pictures.append(Picture(draw.forest(rows, name), alt))
    return pictures


def training_pictures(runs):
    """A picture per system that has a curve.csv."""
    pictures = []
    for system, own in by_system(runs).items():
        curves = [read_curve(r.path / "curve.csv") for r in own if (r.path / "curve.csv").is_file()]
        curves = [curve for curve in curves if curve["epoch"]]
        if curves:
            last = max(int(curve["epoch"][-1]) for curve in curves)
            alt = f"Training and development loss and dev EER of {system} over {last} epochs"
            runs_text = "" if len(curves) == 1 else f", {len(curves)} runs"
            pictures.append(Picture(draw.training(curves, system + runs_text), alt))
    return pictures


def read_curve(path):
    """{column: floats} of a curve.csv; an empty field is not a number. Raises UserError."""
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        columns = list(rows[0]) if rows else ["epoch"]
        return {key: [float(row[key] or "nan") for row in rows] for key in columns}
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: is no table of numbers ({error})") from None
