"""One page that holds everything: no script, no network, light or dark as the reader prefers."""

import base64
from html import escape
from importlib import resources

from ..data.json_files import json_text, read_json
from ..evaluation.layout import calibration_path, fusion_path
from ..metrics.titles import table_text
from .collect import by_system, conditions, mean_sd, pooled
from .heat import heat_maps
from .html import table, wrapped
from .result_tables import METRICS, interval_text, notes, seeds_text

EXCERPT = 40  # lines of data/PROVENANCE
PROVENANCE = {  # files of an experiment, and what they are called on the page
    "config.yaml": "config.yaml",
    "env.txt": "env.txt",
    ".done": "command, and the SHA-256 of what it rests on",
    calibration_path("").name: "calibration.json",
    fusion_path("").name: "fusion.json",
}


def page(runs, set_name, data, pictures, tables):
    """The HTML text.

    pictures: {"det" | "histogram" | "reliability" | "interval" | "training" | "order": [Picture]};
    tables: {"calibration" | "comparisons" | "costs" | "counts" | "order": HTML}; each can be empty.
    """
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    systems = by_system(runs)
    sections = [
        ("results", "Results", _results(runs) + _notes(runs, data)),
        ("intervals", "Each run", _runs(runs) + _gallery(pictures["interval"])),
        ("comparisons", "Comparisons", tables["comparisons"]),
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
        ("provenance", "Provenance", tables["counts"] + _provenance(runs, data)),
    ]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in sections)
    body = "".join(
        f'<section id="{key}"><h2>{title}</h2>{content}</section>\n'
        for key, title, content in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Spoofed speech detection: {escape(set_name)}</title>\n<style>\n{style}</style>\n"
        f"</head>\n<body>\n<header><h1>Spoofed speech detection: {escape(set_name)}</h1>"
        f"<p>{len(systems)} systems, {len(runs)} runs; {seeds_text(runs)}.</p>"
        f"<nav>{links}</nav></header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


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
        tables.append(table(["system", *map(escape, names)], rows, title))
    return f'<div class="grid">{"".join(tables)}</div>'


def _mean_cell(metric, mean, least):
    if mean is None:
        return "-"
    value, sd = mean
    text = table_text(metric, value)
    text = f"<strong>{text}</strong>" if value == least else text
    return text + ("" if sd is None else f"<small>± {table_text(metric, sd)}</small>")


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
        tables.append(table(["run", "EER&nbsp;%", *kinds], rows, escape(name)))
    text = interval_text(runs)
    text += "; iid: drawing single trials instead" if "by speaker" in text else ""
    return f'<p>EER, {text}.</p><div class="grid">{"".join(tables)}</div>'


def _interval(result, kind):
    interval = result.get("intervals", {}).get("eer", {}).get(kind)
    return "&ndash;".join(table_text("eer", value) for value in interval) if interval else "-"


def _run_name(run):
    seed = "" if run.seed is None else f" <small>seed {run.seed}</small>"
    return wrapped(run.system) + seed


def _notes(runs, data):
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in notes(runs, data)) + "</ul>"


def _gallery(pictures):
    if not pictures:
        return ""
    images = (
        f'<figure><img alt="{escape(p.alt)}" src="data:image/svg+xml;base64,'
        f'{base64.b64encode(p.svg.encode()).decode()}"></figure>\n'
        for p in pictures
    )
    return f'<div class="grid">{"".join(images)}</div>'


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
            f"<h3>{title}</h3><pre>{escape(_text(run.path / name))}</pre>"
            for name, title in PROVENANCE.items()
            if (run.path / name).is_file()
        ]
        if texts:
            summary = f"<summary>{escape(run.name)}</summary>"
            parts.append(f"<details>{summary}{''.join(texts)}</details>\n")
    path = data / "PROVENANCE"
    if path.is_file():
        lines = path.read_text("utf-8").splitlines()
        more = f"\n... {len(lines) - EXCERPT} more lines" if len(lines) > EXCERPT else ""
        text = escape("\n".join(lines[:EXCERPT]) + more)
        parts.append(f"<details><summary>data</summary><pre>{text}</pre></details>\n")
    return "".join(parts)
