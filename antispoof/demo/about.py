"""What the page says of its model: what it is made of, and what it was tested on."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.layout import fusion_path, is_fusion, result_paths
from ..evaluation.results import read_shown
from ..metrics.titles import table_text
from ..systems.packed import unpacked


@dataclass(frozen=True)
class About:
    """Rows are (set and list of trials, EER, its interval, bona fide, spoof)."""

    name: str
    systems: tuple[str, ...] = ()  # of a fusion
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())


def read_about(place: Path, name: str = "") -> About:
    """What a model says of itself: the folder of an experiment, or a pack, by its `name` if any.

    Nothing but its name where it says no more. Raises UserError for a pack that is none.
    """
    if place.is_file():
        with unpacked(place) as folder:
            return replace(_read(folder), name=name or place.name)
    return _read(place)


def _read(model):
    systems: tuple[str, ...] = ()
    if is_fusion(model):
        systems = tuple(json.loads(fusion_path(model).read_text("utf-8")).get("systems", ()))
    results = []
    for path in result_paths(model) if model.is_dir() else []:
        try:
            results.append(read_shown(path))
        except UserError:  # of an older version: the model is as good without it
            continue
    return About(
        model.resolve().name,
        systems,
        tuple(map(_row, results)),
        tuple(note for result in results if not result.get("trials") for note in _notes(result)),
    )


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    name = f"{result['set']}: {result['trials']}" if result.get("trials") else result["set"]
    intervals = result.get("intervals", {}).get("eer", {})
    interval = intervals.get("speaker") or next(iter(intervals.values()), None)
    return (
        name,
        table_text("eer", result["pooled"]["eer"]),
        "–".join(table_text("eer", end) for end in interval) if interval else "-",
        f"{result['counts']['bonafide']:,}",
        f"{result['counts']['spoof']:,}",
    )


def _notes(result):
    """The easiest and the hardest level of each factor that a result is broken down by."""
    for factor, levels in result.get("by", {}).items():
        known = {name: cell["eer"] for name, cell in levels.items() if cell["eer"] is not None}
        if "*" in factor or len(known) < 2:
            continue
        least, most = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        yield (
            f"{result['set']} by {factor} ({len(known)}): from {table_text('eer', known[least])} % "
            f"({least}) to {table_text('eer', known[most])} % ({most})"
        )
