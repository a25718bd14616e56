"""Tables of results, for a terminal of 100 columns and in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.contamination import warnings_in
from ..metrics.titles import TITLES, shown, table_text
from .collect import Run, attack_cells, by_system, conditions, mean_sd, missing_attacks, pooled

WIDTH = 100
METRICS = {name: TITLES[name].name + TITLES[name].sign for name in ("eer", "min_dcf", "cllr")}


@dataclass
class Table:
    """Cells of text; the first column is left-aligned, groups are titles over equal columns."""

    title: str
    header: list
    rows: list
    groups: Sequence[str] = ()  # one per column after the first; equal neighbours share a title
    stacked: bool = False  # in plain text, what follows the mean stands below it


def mean_text(metric: str, values: Sequence[float]) -> str:
    """`mean ± sd`, or the only value, or `-`."""
    if not values:
        return "-"
    mean, sd = mean_sd(values)
    return table_text(metric, mean) + ("" if sd is None else f" ± {table_text(metric, sd)}")


def seeds_text(runs: Sequence[Run]) -> str:
    """What the numbers of these runs are over, for a title."""
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    if len(seeds) < 2:
        return f"seed {seeds[0]}" if seeds else "one run each"
    return f"mean ± sd over {len(seeds)} seeds ({', '.join(map(str, seeds))})"


def main_tables(runs: Sequence[Run], set_name: str, width: int = WIDTH) -> Iterator[Table]:
    """Systems against metrics and conditions; several tables where one is wider than `width`."""
    names, systems = conditions(runs), by_system(runs)
    column = max(9, *(len(name) + 2 for name in names))
    first = max(len(name) for name in [*systems, "bona fide trials"])
    fit = max(1, (width - first) // (column * len(names)))
    metrics = list(METRICS)
    for start in range(0, len(metrics), fit):
        part = metrics[start : start + fit]
        rows = [
            [system, *(mean_text(m, pooled(own, name, m)) for m in part for name in names)]
            for system, own in systems.items()
        ]
        for label in ("bonafide", "spoof"):
            counts = [_count(runs, name, label) for name in names]
            rows.append([f"{label.replace('bonafide', 'bona fide')} trials", *counts * len(part)])
        yield Table(
            f"Results on {set_name}: {seeds_text(runs)}",
            ["system", *names * len(part)],
            rows,
            [METRICS[m] for m in part for _ in names],
            stacked=True,
        )


def _count(runs, condition, label):
    found = {r.results[condition]["counts"][label] for r in runs if condition in r.results}
    return "/".join(map(str, sorted(found)))


def attack_tables(runs: Sequence[Run], width: int = WIDTH) -> Iterator[Table]:
    """EER of each attack against all bona fide trials, one column per system."""
    attacks, systems = attack_cells(runs), list(by_system(runs))
    if not any(cells for _, cells in attacks.values()):
        return
    column = max(15, *(len(name) + 2 for name in systems))
    fit = max(1, (width - 24) // column)
    for start in range(0, len(systems), fit):
        part, rows = systems[start : start + fit], []
        for attack, (groups, cells) in attacks.items():
            found = [cell for own in cells.values() for cell in own]
            few = "*" if any(cell["few"] for cell in found) else ""
            counts = "/".join(map(str, sorted({cell["n_spoof"] for cell in found})))
            values = [[c["eer"] for c in cells.get(s, []) if c["eer"] is not None] for s in part]
            texts = [mean_text("eer", value) for value in values]
            rows.append([f"{attack} {','.join(groups)}".strip(), counts + few, *texts])
        yield Table(f"EER % by attack: {seeds_text(runs)}", ["attack", "spoof", *part], rows)


def run_table(runs: Sequence[Run], metric: str = "eer") -> Table:
    """Every run's value of a metric with its 95 % interval."""
    names, rows = conditions(runs), []
    for run in runs:
        row = [run.name]
        for name in names:
            result = run.results.get(name, {"pooled": {}})
            found = result.get("intervals", {}).get(metric, {})
            low_high = shown(found)
            text = table_text(metric, result["pooled"].get(metric))
            if low_high:
                text += " [{}, {}]".format(*(table_text(metric, value) for value in low_high))
            row.append(text)
        rows.append(row)
    title = f"{METRICS[metric]} of each run [{interval_text(runs)}]"
    return Table(title, ["run", *names], rows)


def interval_text(runs: Sequence[Run]) -> str:
    """What kind of interval the runs carry."""
    for run in runs:
        for result in run.results.values():
            if "intervals" in result:
                kinds, boot = result["intervals"]["eer"], result["bootstrap"]
                text = f"{100 * boot['level']:.0f} % interval"
                if "crossed" in kinds:
                    return f"{text} over {result['crossed']['over']}"
                by = "speaker" if "speaker" in kinds else "trial"
                return f"{text} by {by}, {boot['replicates']} replicates"
    return "no intervals"


def notes(runs: Sequence[Run], data: str | Path) -> Iterator[str]:
    """What has to be said with the numbers, as lines."""
    result = next(iter(runs[0].results.values()))
    costs = result["costs"]
    yield (
        f"minDCF: P(spoof) {costs['p_spoof']:g}, a miss costs {costs['c_miss']:g}, a false alarm "
        f"{costs['c_fa']:g}; 1 = no better than one fixed answer."
    )
    given = {result.get("llr_given") for run in runs for result in run.results.values()}
    of = "scores calibrated on dev" if given == {True} else "the scores as they are"
    yield f"Cllr: in bits, of {of}; 1 = as good as saying nothing."
    cells = [c for _, own in attack_cells(runs).values() for part in own.values() for c in part]
    if cells:
        counts = "/".join(map(str, sorted({cell["n_bonafide"] for cell in cells})))
        yield f"By attack: all {counts} bona fide trials against that attack."
    if any(cell["few"] for cell in cells):
        yield "* fewer than 30 trials of a class."
    yield from warnings_in(result for run in runs for result in run.results.values())
    for line in missing_attacks(data):
        yield f"Missing attack: {line}"


def all_tables(
    runs: Sequence[Run], set_name: str, width: int = WIDTH, every_metric: bool = False
) -> Iterator[Table]:
    """The closing tables of a run of the recipe."""
    yield from main_tables(runs, set_name, width)
    yield from attack_tables(runs, width)
    for metric in METRICS if every_metric else ("eer",):
        yield run_table(runs, metric)


def to_text(table: Table) -> str:
    """Aligned plain text."""
    lines = []
    for row in table.rows:
        lines.append([cell.split(" ± ")[0] if table.stacked else cell for cell in row])
        if table.stacked and any(" ± " in cell for cell in row):
            lines.append(["", *("± " + c.split(" ± ")[1] if " ± " in c else "" for c in row[1:])])
    columns = zip(table.header, *lines, strict=True)
    widths = [max(map(len, column)) for column in columns]
    if table.stacked:  # equal columns look calm
        widths[1:] = [max(6, *widths[1:])] * (len(widths) - 1)
    out = [table.title, ""]
    if table.groups:
        out.append(_group_line(table.groups, widths))
    for line in [table.header, *lines]:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        out.append("  ".join(cells).rstrip())
        if line is table.header:
            out.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(out) + "\n"


def _group_line(groups, widths):
    line, start = " " * widths[0], 0
    while start < len(groups):
        end = start
        while end < len(groups) and groups[end] == groups[start]:
            end += 1
        line += groups[start].rjust(sum(widths[1 + start : 1 + end]) + 2 * (end - start))
        start = end
    return line


def to_markdown(table: Table) -> str:
    """A GitHub table under a heading."""
    header = list(table.header)
    if table.groups:
        pairs = zip(table.groups, header[1:], strict=True)
        header[1:] = [f"{group}, {name}" for group, name in pairs]
    lines = [header, [":--"] + ["--:"] * (len(header) - 1), *table.rows]
    body = "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)
    return f"### {table.title}\n\n{body}\n"
