"""Corpora that a published detector was trained on: a result there says nothing of unseen speech.

EXP/trained_on has a line for each: `CORPUS: SETS`, the corpus as its PROVENANCE names it, and names
of data directories, or `all`.
"""

from pathlib import Path

TRAINED_ON = "trained_on"
ANTIDEEPFAKE = {  # as its repository says, of all its models
    "ASVspoof 2019, logical access": "train eval",
    "ASVspoof 2021, logical access": "all",
    "ASVspoof 2021, deepfake": "all",
    "ASVspoof 5, track 1": "train eval",
    "MLAAD, with M-AILABS": "all",
    "WaveFake, with LJSpeech": "all",
    "SpoofCeleb": "all",
    "CFAD": "all",
    "DECRO": "all",
    "HABLA": "all",
    "Codecfake (Xie et al.)": "all",
}


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
