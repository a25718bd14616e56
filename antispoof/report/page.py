"""One page that holds everything: no script, no network, light or dark as the reader prefers."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data.json_files import json_text, read_json
from ..evaluation.layout import calibration_path, fusion_path
from ..metrics.titles import table_text
from .claims import claims
from .collect import Run, by_system, conditions, mean_sd, pooled
from .figures import Picture
from .heat import heat_maps
from .html import TEMPLATES, grid, piece, table, wrapped
from .result_tables import METRICS, interval_text, notes, seeds_text
from .verification import verification

EXCERPT = 40  # lines of data/PROVENANCE
PROVENANCE = {  # files of an experiment, and what they are called on the page
    "config.yaml": "config.yaml",
    "env.txt": "env.txt",
    ".done": "command, and the SHA-256 of what it rests on",
    calibration_path("").name: "calibration.json",
    fusion_path("").name: "fusion.json",
}


def page(
    runs: Sequence[Run],
    set_name: str,
    data: Path,
    pictures: Mapping[str, Sequence[Picture]],
    tables: Mapping[str, str],
) -> str:
    """The HTML text.

    pictures: {"det" | "histogram" | "reliability" | "interval" | "training" | "diagnostics" |
    "order" | "tracing": [Picture]}; tables: {"calibration" | "comparisons" | "pairs" | "costs" |
    "counts" | "diagnostics" | "localisation" | "order" | "tracing": piece}, or "".
    """
    sections = _sections(runs, data, pictures, tables)
    return TEMPLATES.get_template("page.html").render(
        set_name=set_name,
        systems=len(by_system(runs)),
        runs=len(runs),
        seeds=seeds_text(runs),
        sections=[section for section in sections if section[2]],
    )


def _sections(runs, data, pictures, tables):
    """(anchor, title, HTML) of each; those without HTML are left out."""
    return [
        ("results", "Results", _results(runs) + verification(runs) + _notes(runs, data)),
        ("intervals", "Each run", _runs(runs) + _gallery(pictures["interval"])),
        ("comparisons", "Comparisons", tables["comparisons"] + tables.get("pairs", "")),
        ("localisation", "Where", tables.get("localisation", "")),
        (
            "tracing",
            "Source tracing",
            tables.get("tracing", "") + _gallery(pictures.get("tracing", ())),
        ),
        ("det", "Detection error trade-off", _gallery(pictures["det"])),
        ("attacks", "By attack and condition", heat_maps(runs)),
        ("scores", "Scores", _gallery(pictures["histogram"])),
        (
            "calibration",
            "Calibration",
            tables["calibration"] + _gallery(pictures["reliability"]),
        ),
        ("costs", "Sizes and costs", tables["costs"]),
        ("order", "Which system", tables["order"] + _gallery(pictures["order"])),
        ("training", "Training", _gallery(pictures["training"])),
        (
            "diagnostics",
            "Diagnostics",
            tables.get("diagnostics", "") + _gallery(pictures.get("diagnostics", ())),
        ),
        ("claims", "Claims", claims(data)),
        ("provenance", "Provenance", tables["counts"] + _provenance(runs, data)),
    ]


def _results(runs):
    names, systems = conditions(runs), by_system(runs)
    tables = []
    for metric, title in METRICS.items():
        means = {
            (system, name): mean_sd(values)
            for system, own in systems.items()
            for name in names
            if (values := pooled(own, name, metric))
        }
        least = {
            n: min((m for (_, c), (m, _) in means.items() if c == n), default=0) for n in names
        }
        rows = [
            [wrapped(s), *(_mean_cell(metric, means.get((s, n)), least[n]) for n in names)]
            for s in systems
        ]
        tables.append(table(["system", *names], rows, title))
    return grid(tables)


def _mean_cell(metric, mean, least):
    if mean is None:
        return "-"
    value, sd = mean
    below = [] if sd is None else [f"± {table_text(metric, sd)}"]
    return piece("cell", table_text(metric, value), below, strong=value == least)


def _runs(runs):
    tables = []
    for name in conditions(runs):
        own = [(run, run.results[name]) for run in runs if name in run.results]
        kinds = sorted({k for _, r in own for k in r.get("intervals", {}).get("eer", {})})
        rows = [
            [
                _run_name(run),
                table_text("eer", r["pooled"]["eer"]),
                *(_interval(r, k) for k in kinds),
            ]
            for run, r in own
        ]
        tables.append(table(["run", "EER\N{NO-BREAK SPACE}%", *kinds], rows, name))
    text = interval_text(runs)
    if "by speaker" in text:
        text += "; iid: drawing single trials instead"
    elif " over " in text:
        text += " (crossed); speaker, iid: drawing speakers or single trials alone"
    return piece("paragraph", f"EER, {text}.") + grid(tables, roomy=True)


def _interval(result, kind):
    interval = result.get("intervals", {}).get("eer", {}).get(kind)
    return "–".join(table_text("eer", value) for value in interval) if interval else "-"


def _run_name(run):
    name = wrapped(run.system)
    return name if run.seed is None else piece("heading", name, f"seed {run.seed}")


def _notes(runs, data):
    return piece("listed", list(notes(runs, data)))


def _gallery(pictures):
    return grid(piece("picture", _source(picture.svg), picture.alt) for picture in pictures)


def _source(svg):
    """An SVG as the address of a picture."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _text(path):
    """What a file says; of a fusion by ranks without the scores that it keeps."""
    text = path.read_text("utf-8")
    if path.name == fusion_path("").name and '"dev_scores"' in text:
        return json_text({**read_json(path, {}), "dev_scores": "left out here"})
    return text


def _provenance(runs, data):
    parts = []
    for run in runs:
        texts = [
            piece("file", _text(run.path / name), title)
            for name, title in PROVENANCE.items()
            if (run.path / name).is_file()
        ]
        if texts:
            parts.append(piece("folded", run.name, piece("joined", texts)))
    path = data / "PROVENANCE"
    if path.is_file():
        lines = path.read_text("utf-8").splitlines()
        more = f"\n... {len(lines) - EXCERPT} more lines" if len(lines) > EXCERPT else ""
        text = "\n".join(lines[:EXCERPT]) + more
        parts.append(piece("folded", "data", piece("file", text)))
    return piece("joined", parts)
