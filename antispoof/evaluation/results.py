"""Reads what experiments came to: `result.json` and `cost.json`, refused in a line where broken."""

from pathlib import Path
from typing import Any

import numpy as np

from ..data.json_files import fault, number, read_json
from ..errors import UserError
from ..files import sha256_file
from ..paths import system_and_seed
from .asv import KINDS
from .layout import cost_path, diagnostics_path, fusion_path, is_fusion, result_path

COSTS = ("macs", "parameters", "latency")
CELL = {"n_bonafide": int, "n_spoof": int, "few": bool, "eer": (number, None)}
SHOWN = {  # what tables and pages take from a result
    "counts": {"bonafide": int, "spoof": int, "trials": int},
    "costs": {"p_spoof": number, "c_miss": number, "c_fa": number},
    "pooled": {"*": (number, None), "eer": number},
    "set": str,
    "trials?": (str, None),
    "llr_given?": bool,
    "scores_sha256?": str,
    "llr_sha256?": str,
    "trained_on?": str,
    "by?": {"*": {"*": CELL}},
    "bootstrap?": {"level": number, "replicates": int},
    "intervals?": {"*": {"*": [number, number]}, "eer": {}},
    "sasv?": {
        "a_dcf": {"*": number},
        "t_eer": number,
        "counts": dict.fromkeys(KINDS, int),
        "intervals?": {"*": {"*": [number, number]}},
        "crossed?": {"over": str, "units": str},
    },
}
JUDGED_FILES = ("scores_sha256", "llr_sha256")  # of the files that a result was made of
JUDGED = ("eer", "min_dcf", "act_dcf", "cllr", "ece")
RANKED = {  # what a ranking takes from it
    "pooled": dict.fromkeys(JUDGED, number),
    "classification": {"accuracy": number},
}


def read_shown(path: str | Path) -> dict:
    """A result that a table or a page can show. Raises UserError for any other."""
    result = read_json(path, SHOWN, wrong="remove it and run stage 6")
    if ("intervals" in result) != ("bootstrap" in result):
        lacking = "bootstrap" if "intervals" in result else "intervals"
        raise UserError(f"{path}: lacks '{lacking}'; remove it and run stage 6")
    return result


def read_results(exp_dir: str | Path, folders: list[str]) -> dict[str, float]:
    """{metric: value} of an experiment, the mean over its results in `folders`."""
    rows = []
    for folder in folders:
        path = result_path(exp_dir, folder)
        result = read_json(path, {"pooled": {}}, missing="evaluate it (stage 6)")
        if "classification" not in result or "ece" not in result["pooled"]:
            raise UserError(f"{path}: is of an older version; remove it and run stage 6")
        if found := fault(result, RANKED):
            raise UserError(f"{path}: {found}; remove it and run stage 6")
        pooled = result["pooled"]
        rows.append(
            {
                **{key: pooled[key] for key in ("eer", "min_dcf", "cllr", "ece")},
                "calibration_gap": pooled["act_dcf"] - pooled["min_dcf"],
                "accuracy": result["classification"]["accuracy"],
            }
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def read_diagnostics(exp_dir: str | Path, shape: Any) -> dict[str, Any]:
    """What steps/diagnose.py measured of the model of an experiment.

    Raises UserError where it is not there, has another shape, or is of another model.
    """
    path, weights = diagnostics_path(exp_dir), Path(exp_dir) / "best.pt"
    todo = f"run steps/diagnose.py on {exp_dir}"
    found = read_json(path, shape, missing=todo, wrong=f"{todo} again")
    if "model" in found and weights.is_file() and found["model"] != sha256_file(weights):
        raise UserError(f"{path}: is of another model than {weights}; {todo} again")
    return found


def read_cost(exp_dir: str | Path, above: tuple = ()) -> dict[str, float]:
    """{macs, parameters, latency} of an experiment; of a fusion, the sum of its systems.

    They are those of its system, with whichever seed it was measured. `above`: the fusions that it
    is a part of. Raises UserError where there is no such file, or a fusion is a part of itself.
    """
    exp_dir = Path(exp_dir)
    path = fusion_path(exp_dir)
    if is_fusion(exp_dir):
        if exp_dir in above:
            raise UserError(f"{path}: found itself among its 'systems'; run steps/fuse.py again")
        systems = read_json(path, {"systems": [str]}, wrong="run steps/fuse.py again")["systems"]
        parts = [read_cost(exp_dir.parent / name, (*above, exp_dir)) for name in systems]
        return {key: sum(part[key] for part in parts) for key in COSTS}
    system, _ = system_and_seed(exp_dir)
    siblings = [path.parent for path in sorted(exp_dir.parent.glob(f"{system}_seed*/cost.json"))]
    measured = [path for path in siblings if system_and_seed(path)[0] == system]
    where = exp_dir if cost_path(exp_dir).is_file() else next(iter(measured), exp_dir)
    remedy = f"run steps/describe_model.py --exp {exp_dir}"
    shape = dict.fromkeys(COSTS, number)
    cost = read_json(cost_path(where), shape, missing=remedy, wrong=f"remove it and {remedy}")
    return {key: cost[key] for key in COSTS}
