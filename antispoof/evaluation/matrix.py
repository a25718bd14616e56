"""Systems by sets: which scores there are, and what each cell of the table comes to.

A row is a system, with an experiment for each seed; a column is a data directory. A recipe's folder
holds `exp/<experiment>` and `data/<set>`, and has the name by which both are called.
"""

import itertools
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ..data.data_dir import REPORTED, read_data_dir, trial_counts
from ..errors import UserError
from ..files import sha256_file
from ..metrics.titles import shown
from ..paths import system_and_seed
from .evaluate import FEW, evaluate
from .layout import scores_path
from .scores import join

Named = Mapping[tuple[Path, Path], Path]  # {(experiment, set): its scores, where a user says so}


@dataclass
class Row:
    """A system of one recipe, and what it learnt on."""

    name: str  # <recipe>/<system>
    train: Path | None  # data directory, where it is known
    exps: list[Path] = field(default_factory=list)  # one of each seed


def place_of(path: Path) -> str:
    """`<recipe>/<name>` of an experiment or of a data directory."""
    path = path.absolute()
    return f"{path.parent.parent.name}/{path.name}"


def find_models(egs: Path) -> list[Path]:
    """Experiments that were trained in a recipe of `egs`: each has its own run.sh."""
    found = sorted(path.parent for path in egs.glob("*/exp/*/best.pt"))
    return [exp for exp in found if (exp / "run.sh").is_file() and "_without_" not in exp.name]


def find_sets(egs: Path) -> list[Path]:
    """Data directories of recipes of `egs` that are to be reported on, by their names."""
    found = sorted(path.parent for path in egs.glob("*/data/*/utt2label"))
    return [data for data in found if data.name.startswith(REPORTED)]


def learnt_on(exp: Path) -> Path | None:
    """The data directory that an experiment was trained on, as its own run.sh names it.

    None where it was not trained by steps/train.py: an imported checkpoint, a copy.
    """
    path = exp / "run.sh"
    if not path.is_file():
        return None
    try:
        words = shlex.split(path.read_text("utf-8").rstrip().rpartition("\nexec ")[2])
    except ValueError as error:
        raise UserError(f"{path}: is no command ({error}); wanted what training wrote") from None
    for word, following in itertools.pairwise(words):
        if word == "--train":
            return exp.absolute().parents[1] / following
    return None


def rows_of(trained_on: Mapping[Path, Path | None]) -> list[Row]:
    """Rows of {experiment: the data directory that it learnt on}: its seeds are one row."""
    rows: dict[tuple[str, Path | None], Row] = {}
    for exp, train in trained_on.items():
        recipe, _, name = place_of(exp).partition("/")
        system = f"{recipe}/{system_and_seed(name)[0]}"
        if any(own == system and other != train for own, other in rows):  # seeds of other data
            row = rows.setdefault((system, train), Row(f"{system} ({train and train.name})", train))
        else:
            row = rows.setdefault((system, train), Row(system, train))
        row.exps.append(exp)
    return list(rows.values())


def scores_of(exp: Path, data: Path, named: Named) -> Path | None:
    """The scores of an experiment on a set, or None.

    Those that are named; of its own recipe; or of the set's recipe, where an experiment with the
    same best.pt is `exp/<recipe>_<name>`, or has the same name.
    """
    if (exp, data) in named:
        return named[exp, data]
    home, recipe = exp.absolute().parents[1], data.absolute().parents[1]
    copies = [recipe / "exp" / name for name in (copy_name(exp), exp.name)]
    places = [copy for copy in copies if _same_model(exp, copy)]
    own = [exp] if home.resolve() == recipe.resolve() else []
    found = [scores_path(place, data.name) for place in [*own, *places]]
    return next((path for path in found if path.is_file()), None)


def copy_name(exp: Path) -> str:
    """What an experiment is called in other recipes, where others may have its name."""
    seeded = system_and_seed(exp)[1] is not None
    return place_of(exp).replace("/", "_") + ("" if seeded else "_seed1")


def _same_model(exp, copy):
    one, two = exp / "best.pt", copy / "best.pt"
    if not (one.is_file() and two.is_file()):
        return False
    return one.samefile(two) or sha256_file(one) == sha256_file(two)


def missing(rows: Iterable[Row], sets: Iterable[Path], named: Named) -> list[tuple[Path, Path]]:
    """(experiment, set) of all that have no scores."""
    sets = list(sets)
    pairs = [(exp, data) for row in rows for data in sets for exp in row.exps]
    return [pair for pair in pairs if scores_of(*pair, named) is None]


def cell(row: Row, data: Path, named: Named, replicates: int, seed: int = 0) -> dict[str, Any]:
    """What a row comes to on a set; {} where nothing is scored.

    counts {bonafide, spoof, trials}, few (of a class), list (of trials; None: all); seeds, a list
    of {exp, scores, eer, interval}; eer and interval, means over them; sd; resampled: what is drawn
    at once, in words, or `speaker` or `trial` of a bootstrap. EER as a fraction, pooled over all
    trials of the list.
    """
    found = [(exp, scores_of(exp, data, named)) for exp in row.exps]
    listed = trial_counts(data)[1]
    seeds, result = [], {}
    for exp, scores in found:
        if scores is None:
            continue
        result = evaluate(join(data, scores, listed), replicates=replicates, seed=seed)
        kinds = result["intervals"]["eer"] if replicates else {}
        own = {"exp": place_of(exp), "scores": str(scores), "eer": result["pooled"]["eer"]}
        seeds.append({**own, "interval": shown(kinds)})
    if not seeds:
        return {}
    rates = [own["eer"] for own in seeds]
    counts = result["counts"]
    return {
        "counts": counts,
        "few": min(counts["bonafide"], counts["spoof"]) < FEW,
        "list": listed,
        "seeds": seeds,
        "eer": mean(rates),
        "sd": stdev(rates) if len(rates) > 1 else None,
        "interval": _means([own["interval"] for own in seeds]) if replicates else None,
        "resampled": _resampled(kinds, result),
    }


def _resampled(kinds, result):
    if "crossed" in kinds:
        return result["crossed"]["over"]
    return "speaker" if "speaker" in kinds else "trial"


def _means(intervals: Sequence[Sequence[float]]) -> list[float]:
    return [mean(ends) for ends in zip(*intervals, strict=True)]


def require_models_and_sets(exps: Sequence[Path], sets: Sequence[Path]) -> None:
    """Raise UserError for what is no experiment or no data directory, or stands there twice."""
    for exp in exps:
        if not exp.is_dir():
            raise UserError(f"{exp}: no such experiment; wanted a folder of exp/")
    for data in sets:
        read_data_dir(data)
    for what, paths in (("models", exps), ("sets", sets)):
        if not paths:
            raise UserError(f"found no {what}; wanted at least one, see --help")
        if len({path.resolve() for path in paths}) < len(paths):
            raise UserError(f"{what}: found one of them twice; wanted each once")
