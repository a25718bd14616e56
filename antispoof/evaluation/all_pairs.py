"""All pairs of several systems on the same trials, with intervals that hold all together."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.json_files import read_json
from ..errors import UserError
from ..metrics.checks import Pair
from ..metrics.crossed import Way
from ..metrics.detection import COSTS
from ..metrics.simultaneous import DRAWS, all_differences
from ..metrics.titles import TITLES, value_text
from ..paths import require_names, system_and_seed
from . import paired
from .compare import mean_moved
from .layout import result_path, scores_path
from .scores import Trials, join, read_labels
from .ways import units_text, ways_of

Runs = Mapping[str, Sequence[tuple[Pair, Pair]]]  # {system: (scores, LLRs) of each of its seeds}


def compare_all(
    runs: Runs,
    ways: Mapping[str, Way],
    metrics: Sequence[str],
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
    costs: Mapping[str, float] = COSTS,
) -> dict[str, list[dict[str, Any]]]:
    """{metric: [of each pair first, second, difference, and interval and p alone and together]}.

    A difference is value(first) - value(second) of the means over seeds, whose variance is added.
    """
    names = list(runs)
    pairs = list(itertools.combinations(range(len(names)), 2))
    found = {}
    for metric in metrics:
        parts = [mean_moved(metric, own, costs) for own in runs.values()]
        spread = [_of_seeds(metric, own, costs) for own in runs.values()]
        every = all_differences(parts, pairs, list(ways.values()), level, spread, draws, seed)
        found[metric] = [
            {
                "first": names[a],
                "second": names[b],
                "difference": own.value,
                "alone": {"interval": list(own.interval), "p": own.p},
                "together": {"interval": list(own.wide), "p": own.adjusted},
            }
            for (a, b), own in zip(pairs, every, strict=True)
        ]
    return found


def _of_seeds(metric, runs, costs):
    """(variance of the mean over seeds, degrees of freedom); None of one seed."""
    if len(runs) < 2:
        return None
    values = [mean_moved(metric, [run], costs).value for run in runs]
    return float(np.var(values, ddof=1)) / len(values), len(values) - 1


def judge_all(
    runs: Runs, trials: Trials, metrics: Sequence[str], level: float = 0.95, **options: Any
) -> dict[str, Any]:
    """`compare_all` with what was drawn, in words: speakers and attacks, or else trials."""
    ways, few = ways_of(trials)
    units = units_text(ways, few)
    if not ways:
        size = int(trials.is_bonafide.sum())
        ways = {"trials": (np.arange(size), size + np.arange(len(trials.ids) - size))}
        units = f"{len(trials.ids)} trials"
    over = list(ways) + ["seeds"] * any(len(own) > 1 for own in runs.values())
    record = {"level": level, "draws": DRAWS, "seed": 0, **options}
    return {
        "systems": list(runs),
        "over": " and ".join(over),
        "units": units,
        "together": record,
        "metrics": compare_all(runs, ways, metrics, level, **options),
    }


def all_pairs_of_experiments(
    names: list[str],
    data_dir: str | Path,
    metrics: list[str],
    seeds: list[str],
    lists: Iterable[str | None] = (None,),
    level: float = 0.95,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """What `steps/compare.py --out` writes of more than two systems; names: as for two."""
    data_dir = Path(data_dir)
    systems = _systems_of(names)
    given, *tables = paired.read(names, data_dir.name, seeds, bool(paired.OF_LLRS & set(metrics)))
    labels = read_labels(data_dir)
    for trials in lists:
        *runs, last = paired.keep_runs(tables, labels, data_dir, trials)
        counts = {
            "bonafide": int(last.is_bonafide.sum()),
            "spoof": int((~last.is_bonafide).sum()),
        }
        found = judge_all(dict(zip(systems, runs, strict=True)), last, metrics, level, **options)
        yield {
            **found,
            "seeds": seeds,
            "set": data_dir.name,
            "trials": trials,
            "llr_given": given,
            "counts": counts,
            "sentences": [sentence(found, metric) for metric in metrics],
        }


def _systems_of(names):
    """The names that pairs are called by, each of one system. Raises UserError."""
    known: dict[str, str] = {}
    for text in names:
        system = Path(text).name.replace("_seed{seed}", "")
        if system in known:
            raise UserError(
                f"{text}: found the system '{system}' a second time, next to {known[system]}; "
                "wanted each under a name of its own: compare these two by themselves"
            )
        known[system] = text
    return list(known)


def all_pairs_of_results(
    exp_dirs: Iterable[Path], folder: str, data: Path, metrics: Sequence[str] = ("eer",)
) -> dict[str, Any]:
    """`judge_all` of the systems of experiments, on what <exp>/<folder>/result.json judges."""
    exp_dirs = list(exp_dirs)
    require_names(exp_dirs)
    runs: dict[str, list] = {}
    every = []
    for exp in exp_dirs:
        path = result_path(exp, folder)
        said = read_json(path, {"set": str, "trials": (str, None)}, missing="evaluate it (stage 6)")
        place = scores_path(exp, said["set"])
        every.append(join(data / said["set"], place, said["trials"]))
        require_same_trials(every[0], every[-1], path)
        pair = every[-1].split()
        runs.setdefault(system_and_seed(exp)[0], []).append((pair, pair))
    if len(runs) < 2:
        raise UserError(
            f"--data: found one system, {', '.join(runs)}; wanted two or more to compare, or no "
            "--data"
        )
    found = judge_all(runs, every[0], metrics)
    return {**found, "results": folder, "sentences": [sentence(found, m) for m in metrics]}


def require_same_trials(first: Trials, other: Trials, place: str | Path) -> None:
    """Raise UserError where `other`, of a file `place`, is not of the trials of `first`."""
    if first.ids != other.ids or (first.is_bonafide != other.is_bonafide).any():
        raise UserError(
            f"{place}: found {len(other.ids)} trials of {other.data_dir}, wanted the "
            f"{len(first.ids)} of {first.data_dir} that the first experiment is judged by"
        )


def sentence(found: Mapping[str, Any], metric: str) -> str:
    """For how many pairs the intervals hold together, and which of them differ."""
    every, title = found["metrics"][metric], TITLES[metric]
    sure = [own for own in every if _excludes_zero(own["together"])]
    text = (
        f"{title.name}: at {100 * found['together']['level']:g} %, the intervals together hold "
        f"for all {len(every)} pairs of {len(found['systems'])} systems at once, over other "
        f"{found['over']} (largest of {len(every)} |t|, {found['together']['draws']:,} draws, seed "
        f"{found['together']['seed']}). "
    )
    if not sure:
        return text + "No pair differs beyond that."
    better = [
        (own["first"], own["second"]) if own["difference"] < 0 else (own["second"], own["first"])
        for own in sure
    ]
    said = ", ".join(f"{best} is better than {other}" for best, other in better)
    return f"{text}{len(sure)} of the pairs differ beyond that: {said}."


def _excludes_zero(judged):
    low, high = judged["interval"]
    return low > 0 or high < 0


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The comparison as lines of text."""
    for metric, said in zip(found["metrics"], found["sentences"], strict=True):
        title = TITLES[metric]
        yield f"{title.name}{title.unit and ', in' + title.unit}, over {found['over']}"
        for own in found["metrics"][metric]:
            gap = value_text(metric, own["difference"], "+")
            cells = [
                f"{kind} {_interval(metric, own[kind])}  p {own[kind]['p']:<8.3g}"
                for kind in ("alone", "together")
            ]
            yield f"  {own['first'] + ' - ' + own['second']:<44} {gap:>8}  {'  '.join(cells)}"
        yield f"  {said}"


def _interval(metric, judged):
    low, high = (value_text(metric, value, "+") for value in judged["interval"])
    return f"[{low}, {high}]"


def places(found: Mapping[str, Any], metric: str = "eer") -> dict[str, tuple[int, int]]:
    """{system: (best, worst) place} that the intervals together leave open, lower values first."""
    ahead: dict[str, int] = dict.fromkeys(found["systems"], 0)
    behind = dict(ahead)
    for own in found["metrics"][metric]:
        low, high = own["together"]["interval"]
        if low > 0 or high < 0:
            best, other = (own["first"], own["second"])[:: 1 if high < 0 else -1]
            ahead[other] += 1
            behind[best] += 1
    count = len(ahead)
    return {name: (1 + ahead[name], count - behind[name]) for name in found["systems"]}
