"""Names that earlier versions used, each with its name of today.

A config that is given with an old name is refused. An experiment folder is read under either, so
that it scores, resumes and is reported as before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

RENAMED = {
    "stages": "phases",  # of a config
    "accumulate": "accum_grad",  # of a config and its phases
    "stage": "phase",  # of last.pt, selection.json and curve.csv
}


def renewed(found: Mapping[str, Any]) -> dict[str, Any]:
    """{key: value} that an experiment folder holds, under the names of today; so its phases too."""
    values = {RENAMED.get(key, key): value for key, value in found.items()}
    if isinstance(values.get("phases"), list):
        phases = values["phases"]
        values["phases"] = [renewed(p) if isinstance(p, dict) else p for p in phases]
    return values


def phase_file(exp_dir: str | Path, number: int) -> Path:
    """The checkpoint of a phase before the last; where there is one of the old name, that."""
    old = Path(exp_dir) / f"stage{number}.pt"
    return old if old.exists() else Path(exp_dir) / f"phase{number}.pt"
