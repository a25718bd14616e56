"""What scores of frames come to: segment EERs at all resolutions, range EERs, their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.json_files import number, read_json
from ..data.segments import Span
from ..errors import UserError
from ..metrics.localisation import (
    Pieces,
    range_pieces,
    segment_pieces,
    unit_intervals,
    weighted_eer,
)

CELL = {"model": number, "eer": number, "intervals?": {"*": ([number, number], None)}}
SHOWN = {  # what a page takes from it
    "set": str,
    "segment": [{**CELL, "at": number}],
    "range": [CELL],
    "seconds": {"bonafide": number, "spoof": number},
}


def localise(
    scores: Mapping[float, Sequence[np.ndarray]],
    spans: Sequence[Sequence[Span]],
    speakers: Sequence[str],
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """Everything that `steps/localise.py` writes but the name of the set.

    scores: {seconds of a frame: (T,) of each utterance}; spans: its segments; speakers: `-` where
    one is not known, and then none are drawn. `segment` has a cell for each pair of resolutions,
    `range` one for each of a model; those of a model at its own resolution have intervals.
    Raises UserError.
    """
    units = {"utterance": np.arange(len(spans))}
    if "-" not in speakers:
        units["speaker"] = np.unique(speakers, return_inverse=True)[1]
    draws: dict[str, Any] = {"replicates": replicates, "seed": seed, "level": level}

    def cell(pieces: Pieces, drawn: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"eer": _eer(pieces)}
        if drawn and replicates:
            found["intervals"] = unit_intervals(pieces, units, **draws)
        return found

    segment, whole = [], []
    for own, values in scores.items():
        if len(np.unique(np.concatenate(values))) == 1:
            raise UserError(f"frames of {1000 * own:g} ms: found one score, was the model trained?")
        for at in scores:
            pieces = segment_pieces(values, spans, own, at, min(scores))
            segment.append({"model": own, "at": at, **cell(pieces, own == at)})
        whole.append({"model": own, **cell(range_pieces(values, spans, own), True)})
    return {
        "utterances": len(spans),
        "seconds": {name: _seconds(spans, name) for name in ("bonafide", "spoof")},
        "segment": segment,
        "range": whole,
        "bootstrap": {**draws, **{f"{name}s": len(np.unique(u)) for name, u in units.items()}},
    }


def _eer(pieces):
    try:
        return float(weighted_eer(pieces)[0])
    except ValueError as error:
        raise UserError(f"segments: {error}") from None


def _seconds(spans, name):
    lengths = (end - start for own in spans for start, end, label in own if label == name)
    return round(float(sum(lengths)), 6)


def read_localised(path: Any) -> dict[str, Any]:
    """What `steps/localise.py` wrote. Raises UserError."""
    return read_json(path, SHOWN, wrong="remove it and run stage 6")
