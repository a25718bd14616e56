"""Tables of a ranking, as steps/rank.py makes it."""

from collections.abc import Iterator
from typing import Any

from ..evaluation.all_pairs import places
from ..metrics.titles import TITLES
from .result_tables import Table


def tables(result: dict[str, Any]) -> Iterator[Table]:
    """One of each track, one of the parts, one of sizes."""
    for track, systems in result["tracks"].items():
        groups = [
            key
            for key in ("accuracy", "calibration", "cost")
            if key in next(iter(systems.values()))
        ]
        order = sorted(systems, key=lambda name: systems[name]["score"])
        rows = []
        for place, name in enumerate(order, 1):
            own = systems[name]
            numbers = [f"{own[key]:.3f}" for key in ("score", *groups)]
            moves = f"{own['best']}-{own['worst']}"
            rows.append([f"{place} {name}", *numbers, moves, f"{100 * own['first']:.0f} %"])
        title = f"Selection score {track.replace('_', ' ')}, ratio to {result['baseline']}"
        header = ["system", "score", *groups, "places", "first"]
        yield Table(f"{title}; places: under other weights", header, rows)
    names = list(result["parts"])
    parts = list(result["ratios"][names[0]])
    rows = [[_words(part), *(_text(result["parts"][n][part]) for n in names)] for part in parts]
    yield Table("What the scores are made of", ["part", *names], rows)
    if "parameters" in result["parts"][names[0]]:
        yield _sizes(result["parts"])
    if result.get("pairs"):
        yield _open_places(result["pairs"])


def _open_places(pairs):
    """Which places by EER the intervals that hold together leave open; one column a result."""
    found = [places(own) for own in pairs]
    rows = [
        [name, *("-".join(map(str, dict.fromkeys(own[name]))) for own in found)]
        for name in sorted(found[-1], key=lambda name: (found[-1][name], name))
    ]
    count = len(pairs[0]["metrics"]["eer"])
    title = f"Places by EER that intervals leave open which hold for all {count} pairs together"
    return Table(title, ["system", *(own["results"] for own in pairs)], rows)


def _sizes(parts):
    """Size against performance; accuracy is that of deciding at LLR 0, out of domain."""
    rows = []
    for name in sorted(parts, key=lambda name: parts[name]["parameters"]):
        own = parts[name]
        size = 4 * own["parameters"] / 1e6
        accuracy = 100 * own["accuracy out_of_domain"]
        cells = [f"{own['parameters']:,.0f}", f"{size:.2f}", f"{own['macs'] / 1e6:,.0f}"]
        cells += [f"{own['latency']:.2f}", f"{100 * own['eer out_of_domain']:.2f}"]
        rows.append([name, *cells, f"{accuracy:.2f}", f"{accuracy / size:.2f}" if size else "-"])
    header = ["system", "parameters", "MB", "M MACs", "time", "EER %", "accuracy %", "% per MB"]
    title = "Size against performance, out of domain (MB of float32; time in products of matrices)"
    return Table(title, header, rows)


def _words(part):
    """`min_dcf in_domain` as `minDCF in domain`."""
    key, _, domain = part.partition(" ")
    name = TITLES[key].name if key in TITLES else key.replace("_", " ")
    return f"{name} {domain.replace('_', ' ')}".strip()


def _text(value):
    return f"{value:.4f}" if value < 100 else f"{value:,.0f}"


def agreement_text(result: dict[str, Any]) -> str:
    """Whether held-out data would have chosen the same systems, in a line."""
    found = result["agreement"]
    if found["spearman"] is None:
        return (
            f"Held-out and out-of-domain EER: {found['n']} experiments, too few to rank-correlate."
        )
    return (
        f"Held-out and out-of-domain EER over {found['n']} experiments: Spearman "
        f"{found['spearman']:+.3f}, Kendall {found['kendall']:+.3f} (1: the order is the same)."
    )
