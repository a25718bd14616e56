"""The row of each claim: what was run, what it came to, and the verdict."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..data.json_files import read_json
from ..evaluation.layout import cost_path, llr_path, result_path
from ..evaluation.rank import DOMAINS, load_ranking
from .effects import contrast, differences, saving, trend
from .firm import CONFIG, firm
from .listed import Row
from .orders import correlation, diagnostic, flag
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
    names = names_of(claim)
    row.ran = f"{seeds_text(names, scored)}; {row.ran}"
    if claim.get("epochs"):
        row.ran += f"; dev picked {epochs_text(names, scored)}"
    found = commits(names, scored)
    row.ran += f"; models of {len(found)} commits" * (len(found) > 1)
    row.ran += f"; trained at {' and '.join(found) or 'no commit known'}"
    return row


def seeds_text(names: Iterable[str], scored: Scored) -> str:
    """The experiments, by how many seeds each has."""
    groups: dict[int, list[str]] = {}
    for name in names:
        groups.setdefault(len(scored.seeds_of(name)), []).append(name)
    texts = [f"{', '.join(own)}; {n} seed{'s' * (n > 1)}" for n, own in groups.items()]
    return "; ".join(texts)


def epochs_text(names: Iterable[str], scored: Scored) -> str:
    """Which epochs selection.json of each experiment names, of its last phase."""
    found = []
    for name in names:
        paths = [
            scored.root / experiment(name, s) / "selection.json" for s in scored.seeds_of(name)
        ]
        every = [read_json(p)[-1] if p.is_file() else {"epochs": []} for p in paths]
        said = ["+".join(map(str, one["epochs"])) or "?" for one in every]
        found.append(f"{', '.join(said)} of {name}")
    return "epochs " + "; ".join(found)


def _needed(claim: Mapping[str, Any], scored: Scored) -> Iterator[Path]:
    names = names_of(claim)
    seeds = scored.diagnosed if claim["kind"] == "diagnostic" else ()
    for key in ("first", "second", "on"):
        if key in claim:
            yield from (path for name in names for path in scored.paths(name, claim[key], seeds))
    if claim["kind"] == "diagnostic":
        yield from (
            scored.root / experiment(n, s) / "diagnostics.json" for n in names for s in seeds
        )
    if claim["kind"] in ("saving", "firm"):
        yield from (cost_path(scored.root / experiment(n, scored.seeds[0])) for n in names)
    if claim["kind"] == "firm":
        yield from _results(names, scored)


def _results(names, scored):
    """The results that a ranking reads; by now they are of the scores and LLRs next to them."""
    yield scored.root / CONFIG
    if not (scored.root / CONFIG).is_file():
        return
    config = load_ranking(scored.root / CONFIG)
    for exp in (scored.root / experiment(n, s) for n in names for s in scored.seeds_of(n)):
        for folder in (folder for domain in DOMAINS for folder in config[domain]):
            path = result_path(exp, folder)
            yield path
            if path.is_file():
                yield llr_path(exp, read_json(path, {"set": str})["set"])


def commits(names: Iterable[str], scored: Scored) -> list[str]:
    """The commits that env.txt of these experiments names, each once."""
    found: set[str] = set()
    for name in names:
        for seed in scored.seeds_of(name):
            path = scored.root / experiment(scored.switched.get(name, name), seed) / "env.txt"
            lines = path.read_text("utf-8").splitlines() if path.is_file() else []
            found.update(line.partition(": ")[2] for line in lines if line.startswith("commit: "))
    return sorted(found)
