"""What calibration.json and fusion.json hold, and how a map is made of it."""

from typing import Any

import numpy as np

from ..data.json_files import number

SHAPE = {
    "systems": [str],
    "rule": str,
    "weights": [number],
    "offset": number,
    "prior": number,
    "dev_set": str,
    "n_bonafide": int,
    "n_spoof": int,
    "smoothed": bool,
    "dev_cllr": number,
    "dev_scores?": [[number]],  # rank: of each system, ascending
    "unseen?": {"*": [str]},  # of each attack, the experiments that were trained without it
}


def to_record(known: dict[str, Any]) -> dict[str, Any]:
    """The fields of a map as they go into its file."""
    record = {key: value for key, value in known.items() if key != "dev_scores"}
    if known["unseen"] is None:
        del record["unseen"]
    if known["dev_scores"] is not None:
        record["dev_scores"] = known["dev_scores"].T.tolist()
    return record


def from_record(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of a map from its file, which has the SHAPE.

    Raises ValueError for what does not fit together, or what an older version wrote of rank.
    """
    count = len(found["systems"])
    if not count or len(found["weights"]) != count:
        raise ValueError(
            f"found {len(found['weights'])} weights of {count} systems, wanted one of each"
        )
    if not 0 < found["prior"] < 1:
        raise ValueError(f"found the prior {found['prior']}, wanted a number between 0 and 1")
    known = {key.removesuffix("?"): found.get(key.removesuffix("?")) for key in SHAPE}
    known |= {key: tuple(found[key]) for key in ("systems", "weights")}
    known["dev_scores"] = _dev_scores(found) if found["rule"] == "rank" else None
    return known


def _dev_scores(found):
    if "dev_scores" not in found:
        raise ValueError("lacks 'dev_scores', by which the rule rank maps: of an older version")
    if len(found["dev_scores"]) != len(found["systems"]):
        raise ValueError(
            f"dev_scores: found {len(found['dev_scores'])} lists of {len(found['systems'])} "
            "systems, wanted one of each"
        )
    trials = found["n_bonafide"] + found["n_spoof"]
    for scores in found["dev_scores"]:
        if len(scores) != trials or scores != sorted(scores):
            raise ValueError(f"dev_scores: found no ascending list of {trials} scores")
    return np.array(found["dev_scores"], np.float64).T
