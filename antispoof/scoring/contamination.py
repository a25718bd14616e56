"""Corpora that a published detector was trained on: a result there says nothing of unseen speech.

EXP/trained_on has a line for each: `CORPUS: SETS`, the corpus as its PROVENANCE names it, and names
of data directories, or `all`.
"""

from pathlib import Path

from ..files import atomic_open
from ..paths import ROOT

TRAINED_ON = "trained_on"


def note_training(exp_dir: str | Path, name: str) -> None:
    """Write EXP/trained_on of the published models `name`: tools/trained_on_NAME.txt."""
    with atomic_open(Path(exp_dir) / TRAINED_ON) as stream:
        stream.write((ROOT / f"tools/trained_on_{name}.txt").read_text("utf-8"))


def warning_of(exp_dir: str | Path, data_dir: str | Path) -> str:
    """One line where the model of `exp_dir` was trained on the set `data_dir`, else nothing."""
    known, provenance = Path(exp_dir) / TRAINED_ON, Path(data_dir) / "PROVENANCE"
    if not known.is_file() or not provenance.is_file():
        return ""
    corpus = provenance.read_text("utf-8").partition("\n")[0].removeprefix("corpus: ")
    name = Path(data_dir).resolve().name
    for line in known.read_text("utf-8").splitlines():
        trained, _, sets = line.rpartition(": ")
        if trained == corpus and (sets == "all" or name in sets.split()):
            return (
                f"{exp_dir} was trained on {corpus}, set '{name}': its scores there say nothing "
                "of speech that it does not know"
            )
    return ""
