"""Experiments compared in pairs: what is read of their folders, and what is written of them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from .compare import compare, sentence
from .layout import llr_path, scores_path
from .scores import Trials, keep, read_labels, read_scores
from .ways import speakers_of_each, units_text, ways_of

OF_LLRS = {"act_dcf", "cllr"}  # the metrics that judge LLRs, where there are any


def with_seed(text: str) -> str:
    """An experiment's name without `_seed<n>` as one that has {seed} where it stands."""
    return text if "{seed}" in text else f"{text.rstrip('/')}_seed{{seed}}"


def seeds_of(text: str) -> list[str]:
    """The seeds of `--seeds`. Raises UserError where one stands twice: its weight would double."""
    seeds = text.split()
    if len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds: found '{text}', wanted each seed once")
    return seeds


def compare_experiments(
    names: list[str],
    data_dir: str | Path,
    set_name: str,
    metrics: list[str],
    *,
    seeds: list[str],
    lists: Iterable[str | None] = (None,),
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Iterator[dict]:
    """Everything that `steps/compare.py --out` writes, of each of `lists`; None: of every trial.

    names: of two experiments; with several seeds, each has {seed} where it stands. data_dir: of the
    set. Raises UserError where the scores of an experiment are no scores of these trials.
    """
    given, *tables = read(names, set_name, seeds, bool(OF_LLRS & set(metrics)))
    labels = read_labels(data_dir)
    systems = _called(names)
    options: dict[str, Any] = {
        "metrics": metrics,
        "replicates": replicates,
        "seed": seed,
        "level": level,
    }
    for trials in lists:
        first, second, last = keep_runs(tables, labels, Path(data_dir), trials)
        kinds, units = kinds_of(last)
        ways, few = ways_of(last)
        if ways:
            units["crossed"] = units_text(ways, few)
        found = compare(*(first, second, kinds), ways=ways, few=few, **options)
        yield {
            "systems": systems,
            "seeds": seeds,
            "set": set_name,
            "trials": trials,
            "llr_given": given,
            "counts": {"bonafide": len(first[0][0][0]), "spoof": len(first[0][0][1])},
            "bootstrap": {"level": level, "replicates": replicates, "seed": seed},
            "units": units,
            "metrics": found,
            "sentences": [sentence(systems, name, found[name], level) for name in metrics],
        }


def _called(names):
    """The names of systems: those of their folders, or the whole places where these are alike."""
    places = [text.replace("_seed{seed}", "") for text in names]
    called = [Path(place).name for place in places]
    return called if len(set(called)) == len(called) else places


def read(names: list[str], set_name: str, seeds: list[str], want_llrs: bool) -> tuple[Any, ...]:
    """Whether LLRs are given, and of each: of every seed (path, table) of scores and of LLRs."""
    places = [[text.replace("{seed}", seed) for seed in seeds] or [text] for text in names]
    llrs = [llr_path(exp, set_name) for own in places for exp in own]
    calibrated = want_llrs and all(path.is_file() for path in llrs)
    runs: list[list] = []
    for own in places:
        runs.append([])
        for exp in own:
            found = llr = read_table_of(scores_path(exp, set_name))
            if calibrated:
                llr = read_table_of(llr_path(exp, set_name))
            runs[-1].append((found, llr))
    return (calibrated, *runs)


def read_table_of(path: Path) -> tuple[Path, dict[str, float]]:
    """A table of scores behind its own path."""
    return path, read_scores(path)


def keep_runs(
    tables: list[list], labels: Mapping[str, bool], data_dir: Path, trials: str | None
) -> tuple[Any, ...]:
    """Scores and LLRs of every seed of each on a list of trials, and these trials."""
    runs: list[list] = []
    for own in tables:
        runs.append([])
        for pair in own:
            found, llr = (keep(labels, table, data_dir, path, trials) for path, table in pair)
            runs[-1].append((found.split(), llr.split()))
    return (*runs, found)


def kinds_of(trials: Trials) -> tuple[dict, dict[str, str]]:
    """What is drawn whole: ({kind: groups or None}, {kind: how many, in words})."""
    kinds: dict[str, Any] = {"iid": None}
    units = {"iid": f"{len(trials.ids)} trials"}
    if (speakers := speakers_of_each(trials)) is not None:
        kinds["speaker"] = speakers
        counts = [len(set(part.tolist())) for part in speakers]
        units["speaker"] = f"{counts[0]} bona fide and {counts[1]} spoof speakers"
    if (trials.data_dir / "utt2attack").is_file():
        names, attack = trials.factor("attack")
        bonafide, spoof = trials.split(attack)
        kinds["attack"] = [range(len(names), len(names) + len(bonafide)), spoof]
        count = len(set(spoof.tolist()))
        units["attack"] = f"{count} attack{'s' * (count > 1)}"
    return kinds, units
