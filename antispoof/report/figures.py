"""Which pictures a page gets: reads scores and curves of the runs, and draws them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import metrics
from ..config.renamed import renewed
from ..data.data_dir import trial_mask
from ..errors import UserError
from ..evaluation.evaluate import posteriors
from ..evaluation.layout import llr_path, scores_path
from ..evaluation.results import JUDGED_FILES
from ..evaluation.scores import Trials, join
from ..files import sha256_file
from ..metrics.titles import shown
from . import plots
from .collect import ALL, Run, by_system, conditions
from .reliability import reliability


@dataclass
class Picture:
    """An SVG with what it shows in words."""

    svg: str
    alt: str


@dataclass
class Scored:
    """A run's trials of all its set, and what calibration made of their scores."""

    trials: Trials
    llr: np.ndarray | None  # (N,), or None where there is none

    @property
    def ece(self) -> float:
        """Calibration error of the LLRs."""
        return metrics.ece(*posteriors(*self.trials.split(self.llr)))


def read_scored(runs: Sequence[Run], data: str | Path, set_name: str) -> dict[str, Scored]:
    """{run's name: Scored}, without the runs whose data or scores are gone."""
    data_dir, scored = Path(data) / set_name, {}
    for run in runs:
        paths = [scores_path(run.path, set_name), llr_path(run.path, set_name)]
        if (data_dir / "utt2label").is_file() and paths[0].is_file():
            llr = join(data_dir, paths[1]).scores if paths[1].is_file() else None
            scored[run.name] = Scored(join(data_dir, paths[0]), llr)
            _require_same(run, paths)
    return scored


def _require_same(run, paths):
    """Raise UserError where results are of other scores, or LLRs, than those that are there."""
    now = [sha256_file(path) if path.is_file() else None for path in paths]
    for name, result in run.results.items():
        for key, path, digest in zip(JUDGED_FILES, paths, now, strict=True):
            if digest and result.get(key, digest) != digest:
                raise UserError(
                    f"{path}: is not what the result of the trials '{name}' was made of; "
                    "run steps/evaluate.py again"
                )


def score_pictures(runs: Sequence[Run], scored: Mapping[str, Scored]) -> dict[str, list[Picture]]:
    """{"det" | "histogram" | "reliability": [Picture]} of the runs that are scored."""
    runs = [run for run in runs if run.name in scored]
    if not runs:
        return {"det": [], "histogram": [], "reliability": []}
    first = scored[runs[0].name].trials
    lists = {name: trial_mask(first.data_dir, name, first.ids) for name in conditions(runs)}
    firsts = [own[0] for own in by_system(runs).values()]
    return {
        "det": [_det(runs, scored, name, mask) for name, mask in lists.items()],
        "histogram": [_histogram(run, scored[run.name], lists) for run in firsts],
        "reliability": [_reliability(run, scored[run.name]) for run in firsts],
    }


def _det(runs, scored, name, mask):
    curves = {
        system: [_classes(scored[run.name].trials, mask) for run in own]
        for system, own in by_system(runs).items()
    }
    n_bonafide, n_spoof = map(len, next(iter(curves.values()))[0])
    title = f"{name}: {n_bonafide} bona fide, {n_spoof} spoof"
    alt = f"DET curves of {', '.join(curves)} on {title} trials; lower left is better"
    return Picture(plots.det(curves, title), alt)


def _classes(trials, mask):
    bonafide = trials.is_bonafide
    return trials.scores[mask & bonafide], trials.scores[mask & ~bonafide]


def _histogram(run, scored, lists):
    own, calibrated = scored.trials, scored.llr is not None
    values = scored.llr if calibrated else own.scores
    groups = {"bona fide": values[own.is_bonafide]}
    for name, mask in lists.items():
        if name != ALL or len(lists) == 1:
            groups[name if name != ALL else "spoof"] = values[mask & ~own.is_bonafide]
    kind = "LLRs" if calibrated else "scores"
    alt = f"Histogram of the {kind} of {run.name} for {', '.join(groups)}"
    return Picture(plots.histogram(groups, run.name, calibrated), alt)


def _reliability(run, scored):
    before = scored.trials.split()
    after = None if scored.llr is None else scored.trials.split(scored.llr)
    alt = f"Reliability diagram of {run.name}: P(bona fide) against the share that is bona fide"
    return Picture(reliability(before, after, run.name), alt)


def interval_pictures(runs: Sequence[Run]) -> list[Picture]:
    """A picture per condition: EER of each run with its interval."""
    pictures, systems = [], list(by_system(runs))
    for name in conditions(runs):
        rows = []
        for run in runs:
            result = run.results.get(name, {})
            found = result.get("intervals", {}).get("eer", {})
            if interval := shown(found):
                eer, level = result["pooled"]["eer"], result["bootstrap"]["level"]
                rows.append((run.name, systems.index(run.system), eer, *interval))
        if rows:
            text = "; ".join(f"{row[0]} {100 * row[2]:.2f} %" for row in rows)
            alt = f"EER on {name} with {100 * level:.0f} % intervals: {text}"
            pictures.append(Picture(plots.forest(rows, name), alt))
    return pictures


def training_pictures(runs: Sequence[Run]) -> list[Picture]:
    """A picture per system that has a curve.csv."""
    pictures = []
    for system, own in by_system(runs).items():
        curves = [read_curve(r.path / "curve.csv") for r in own if (r.path / "curve.csv").is_file()]
        curves = [curve for curve in curves if curve["epoch"]]
        if curves:
            last = max(int(curve["epoch"][-1]) for curve in curves)
            alt = f"Training and development loss and dev EER of {system} over {last} epochs"
            runs_text = "" if len(curves) == 1 else f", {len(curves)} runs"
            pictures.append(Picture(plots.training(curves, system + runs_text), alt))
    return pictures


def read_curve(path: str | Path) -> dict[str, list[float]]:
    """{column: floats} of a curve.csv; an empty field is not a number. Raises UserError."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        columns = list(rows[0]) if rows else ["epoch"]
        if "epoch" not in columns:
            raise ValueError("there is no column 'epoch'")
        curve = {key: [float(row[key] or "nan") for row in rows] for key in columns}
        return renewed(curve)
    except (TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: is no table of numbers ({error})") from None
