"""Reads results of experiments, and puts them into the order in which they are shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

from ..data.data_dir import ALL
from ..errors import UserError
from ..evaluation.layout import experiments_below, is_fusion, result_paths
from ..evaluation.results import read_shown
from ..paths import require_names, system_and_seed

Cells = dict[str, list[dict[str, Any]]]  # {system: [cell of each of its runs]}


@dataclass
class Run:
    """One experiment with one seed, and its results by condition (list of trials, or ALL)."""

    path: Path
    system: str  # the folder's name without `_seed<n>`
    seed: int | None  # None where the name has none
    results: dict = field(default_factory=dict)
    fusion: bool = False  # whether it is one of other experiments

    @property
    def name(self) -> str:
        return self.path.name


def read_runs(exp_dirs: list, set_name: str) -> list[Run]:
    """Runs that have a result on `set_name`, in order of system (fusions last) and seed.

    Raises UserError where a result cannot be read, no folder has one, or two have one name.
    """
    runs = [run for run in (_read_run(Path(path), set_name) for path in exp_dirs) if run.results]
    if not runs:
        raise UserError(
            f"found no result.json on the set '{set_name}' in {len(exp_dirs)} experiment folders; "
            "run stage 6, or name another --set"
        )
    require_names(run.path for run in runs)
    return sorted(runs, key=lambda r: (r.fusion, r.system, r.seed or 0))


def _read_run(path, set_name):
    system, seed = system_and_seed(path)
    run = Run(path, system, seed, fusion=is_fusion(path))
    for file in result_paths(path):
        result = read_shown(file)
        if result["set"] == set_name:
            run.results[result.get("trials") or ALL] = result
    return run


def left_out(exp_dirs: Iterable[str | Path], runs: Iterable[Run], set_name: str) -> list[str]:
    """Lines about the folders that a page says nothing of: neither among `runs` nor traced."""
    shown = {run.path for run in runs}
    return [
        f"{path}: has no result.json on the set '{set_name}' (steps/evaluate.py); it is left out"
        for path in dict.fromkeys(map(Path, exp_dirs))
        if path not in shown and not (path / set_name / "tracing.json").is_file()
    ]


def find_experiments(exp: str | Path) -> list[Path]:
    """`exp` itself where it holds results, else the folders below it that do, sorted."""
    if result_paths(exp):
        return [Path(exp)]
    return experiments_below(exp)


def conditions(runs: Iterable[Run]) -> list[str]:
    """Names of the conditions of all runs: lists of trials sorted, then ALL."""
    names = {name for run in runs for name in run.results}
    return [*sorted(names - {ALL}), *([ALL] if ALL in names else [])]


def by_system(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """{system: its runs}, in the order of `runs`."""
    systems: dict[str, list[Run]] = {}
    for run in runs:
        systems.setdefault(run.system, []).append(run)
    return systems


def pooled(runs: Iterable[Run], condition: str, metric: str) -> list[float]:
    """The values of a metric, one per run that has the condition."""
    return [
        run.results[condition]["pooled"][metric]
        for run in runs
        if condition in run.results and run.results[condition]["pooled"].get(metric) is not None
    ]


def attack_cells(runs: Iterable[Run]) -> dict[str, tuple[list[str], Cells]]:
    """{attack: ([conditions it belongs to], {system: [cells]})}, from every condition's `by`."""
    attacks: dict[str, tuple[list[str], Cells]] = {}
    for run in runs:
        for condition, result in run.results.items():
            for attack, cell in result.get("by", {}).get("attack", {}).items():
                groups, cells = attacks.setdefault(attack, ([], {}))
                if condition == ALL:
                    cells.setdefault(run.system, []).append(cell)
                elif condition not in groups:
                    groups.append(condition)
    return dict(sorted(attacks.items()))


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (None of fewer than two values)."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def missing_attacks(data: str | Path) -> list[str]:
    """Lines of `<data>/missing_attacks`: attacks that this corpus was built without."""
    path = Path(data) / "missing_attacks"
    if not path.is_file():
        return []
    return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
