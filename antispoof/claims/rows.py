"""The row of each claim: what was run, what it came to, and the verdict."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..evaluation.layout import cost_path
from .effects import contrast, differences, saving, trend
from .listed import Row
from .orders import RANK, correlation, diagnostic, firm, flag
from .plan import experiment, names_of
from .scores import Scored

MEASURES: dict[str, Callable[[Mapping[str, Any], Scored], Row]] = {
    "correlation": correlation,
    "difference": differences,
    "contrast": contrast,
    "saving": saving,
    "trend": trend,
    "flag": flag,
    "diagnostic": diagnostic,
    "firm": firm,
}


def measure(claim: Mapping[str, Any], scored: Scored) -> Row:
    """The row of a claim; with `lacks` where something that it needs was not run."""
    if claim["kind"] == "none":
        return Row(claim, lacks="no experiment here can settle it")
    lacking = [path for path in _needed(claim, scored) if not path.is_file()]
    if lacking:
        shown = lacking[0].relative_to(scored.root)
        return Row(claim, lacks=f"{len(lacking)} files lack, among them {shown}")
    row = MEASURES[claim["kind"]](claim, scored)
    seeds = len(scored.seeds)
    row.ran = f"{', '.join(names_of(claim))}; {seeds} seed{'s' * (seeds > 1)}; {row.ran}"
    row.ran += (
        f"; trained at {' and '.join(_commits(names_of(claim), scored)) or 'no commit known'}"
    )
    return row


def _needed(claim: Mapping[str, Any], scored: Scored) -> Iterator[Path]:
    names = names_of(claim)
    for key in ("first", "second", "on"):
        if key in claim:
            yield from (path for name in names for path in scored.paths(name, claim[key]))
    if claim["kind"] == "diagnostic":
        yield from (
            scored.root / experiment(n, s) / "diagnostics.json" for n, s in _all(names, scored)
        )
    if claim["kind"] == "saving":
        yield from (cost_path(scored.root / experiment(n, scored.seeds[0])) for n in names)
    if claim["kind"] == "firm":
        yield scored.root / RANK


def _all(names, scored):
    return [(name, seed) for name in names for seed in scored.seeds]


def _commits(names, scored):
    """The commits that env.txt of these experiments names, each once."""
    found: set[str] = set()
    for name, seed in _all(names, scored):
        path = scored.root / experiment(scored.switched.get(name, name), seed) / "env.txt"
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        found.update(line.partition(": ")[2] for line in lines if line.startswith("commit: "))
    return sorted(found)
