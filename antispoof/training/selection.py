"""The rule of `select`: which epochs are kept, when to stop, and the numbers that it looks at.

It sees the training set and the development set; a set that is watched or reported on has no way
in. It is a function of the curve's rows, so there is nothing to store.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics
from ..config.renamed import renewed
from ..data.json_files import read_json, write_json
from ..metrics.sources import confusion, macro_f1

Rows = Sequence[dict[str, Any]]  # of the curve, one for each epoch


class Selection:
    """The block `select` of a phase. Epochs and rows are those of the phase."""

    def __init__(self, conf: dict[str, Any]) -> None:
        self.metric, self.keep, self.patience = conf["metric"], conf["keep"], conf["patience"]
        self.count = conf["average"] if self.keep.startswith("average") else 1

    def ranked(self, rows: Rows) -> list[dict[str, Any]]:
        """Rows from the best; of equals, the first comes first."""
        return sorted(rows, key=lambda row: row[self.metric])

    def kept(self, rows: Rows) -> list[int]:
        """The epochs whose models make what is chosen, ascending."""
        ordered = self.ranked(rows) if self.keep.endswith("best") else rows[::-1]
        return sorted(row["epoch"] for row in ordered[: self.count])

    def stops(self, rows: Rows) -> bool:
        """Whether `patience` epochs have passed since the best one."""
        if not self.patience or not rows:
            return False
        return rows[-1]["epoch"] - self.ranked(rows)[0]["epoch"] >= self.patience

    def __str__(self):
        what = {"average_best": f"the mean of the {self.count} best epochs"}
        what["average_last"] = f"the mean of the last {self.count} epochs"
        text = what.get(self.keep, f"the {self.keep} epoch") + f", by {self.metric}"
        return text + (f", stopping {self.patience} after the best" if self.patience else "")


def eer_or_chance(scores: np.ndarray, labels: np.ndarray) -> float:
    """The EER of scores (N,), and 0.5 where all are equal: a collapsed model, which may recover."""
    if scores.min() == scores.max():
        return 0.5
    return metrics.eer(scores[labels == 1], scores[labels == 0])


def dev_metrics(
    scores: np.ndarray, labels: np.ndarray, wanted: Collection[str]
) -> dict[str, float]:
    """{metric: value} of scores (N,): dev_eer, and of the others those in `wanted`.

    Of logits (N, K) of sources: dev_f1_error, 1 - macro-F1.
    """
    if scores.ndim == 2:
        table = confusion(labels, scores.argmax(axis=1), scores.shape[1])
        return {"dev_f1_error": 1 - macro_f1(table)}
    found = {"dev_eer": eer_or_chance(scores, labels)}
    classes = (scores[labels == 1].astype(np.float64), scores[labels == 0].astype(np.float64))
    if "dev_min_dcf" in wanted:
        constant = scores.min() == scores.max()
        found["dev_min_dcf"] = 1.0 if constant else metrics.min_dcf(*classes)
    if "dev_cllr" in wanted:
        found["dev_cllr"] = metrics.cllr(*classes)
    return found


def write_choices(exp_dir: Path, choices: Sequence[dict[str, Any]]) -> None:
    """Write selection.json: of each phase its rule, the epochs chosen, and what they came to."""
    write_json(exp_dir / "selection.json", choices)


def read_choices(exp_dir: str | Path) -> list[dict[str, Any]]:
    """What `train` chose, phase by phase; [] where no phase has ended."""
    path = Path(exp_dir) / "selection.json"
    found = read_json(path, [dict], wrong="train it again") if path.exists() else []
    return [renewed(choice) for choice in found]
