"""Corpora that a published detector was trained on: a result there says nothing of unseen speech.

EXP/trained_on has a line for each: `CORPUS: SETS`, the corpus as its PROVENANCE names it, or what
stands before the first comma of that, and names of sets, or `all`. `; ` and a reason follow where
the set has speech of a corpus that the detector was trained on. The file goes with the weights:
to what is trained further, merged, copied, fused and packed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..data.provenance import origin_of
from ..files import atomic_open
from ..paths import ROOT

TRAINED_ON = "trained_on"
DEEPEST = 3  # folders of an experiment above its scores: <set>/llr/scores


def note_training(exp_dir: str | Path, name: str) -> None:
    """Write EXP/trained_on of the published models `name`: tools/trained_on_NAME.txt."""
    _write(exp_dir, (ROOT / f"tools/trained_on_{name}.txt").read_text("utf-8").splitlines())


def inherit_training(exp_dir: str | Path, sources: Iterable[str | Path]) -> None:
    """Write EXP/trained_on of what its `sources` were trained on; nothing where none says it."""
    lines = [line for source in sources for line in lines_of(source)]
    if lines:
        _write(exp_dir, [*lines_of(exp_dir), *lines])


def lines_of(exp_dir: str | Path) -> list[str]:
    """The lines of EXP/trained_on, or none."""
    path = Path(exp_dir) / TRAINED_ON
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def known_speech(exp_dir: str | Path, data_dir: str | Path) -> str:
    """What of the set `data_dir` the model of `exp_dir` was trained on, in words; or nothing."""
    corpus, name = origin_of(data_dir)
    for line in lines_of(exp_dir) if corpus else ():
        stated, _, why = line.partition("; ")
        trained, _, sets = stated.rpartition(": ")
        same = trained in (corpus, corpus.partition(",")[0])
        if same and (sets == "all" or name in sets.split()):
            return f"speech of {corpus}, set '{name}' ({why})" if why else f"{corpus}, set '{name}'"
    return ""


def warning_of(exp_dir: str | Path, data_dir: str | Path) -> str:
    """One line where the model of `exp_dir` was trained on the set `data_dir`, else nothing."""
    speech = known_speech(exp_dir, data_dir)
    return speech and (
        f"{exp_dir} was trained on {speech}: its scores there say nothing of speech that it does "
        "not know"
    )


def warning_of_scores(
    scores: str | Path, data_dir: str | Path, exp_dir: str | Path | None = None
) -> str:
    """`warning_of` the experiment `exp_dir`, or of the one in whose folder `scores` are."""
    above = [exp_dir] if exp_dir else Path(scores).absolute().parents[:DEEPEST]
    return next(filter(None, (warning_of(place, data_dir) for place in above)), "")


def reasons_of(exp_dirs: Iterable[str | Path], data_dir: str | Path) -> list[str]:
    """Why the set `data_dir` is no fair test of the experiments, each reason once."""
    found = dict.fromkeys(known_speech(exp_dir, data_dir) for exp_dir in exp_dirs)
    return [f"trained on {speech} ({TRAINED_ON})" for speech in found if speech]


def warnings_in(results: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The warnings that results hold, each once, for a page or a table."""
    for warning in dict.fromkeys(result.get(TRAINED_ON, "") for result in results):
        if warning:
            yield f"Not unseen: {warning}."


def _write(exp_dir, lines):
    with atomic_open(Path(exp_dir) / TRAINED_ON) as stream:
        stream.writelines(f"{line}\n" for line in dict.fromkeys(lines))
