"""The model card of a pack, in the form that Hugging Face reads: a YAML head, then Markdown."""

from pathlib import Path
from typing import Any

import yaml

from ..config.recorded import read_experiment
from ..data.json_files import read_json
from ..evaluation.fusion import Calibration, Fusion
from ..evaluation.layout import calibration_path, fusion_path, is_fusion, result_paths
from ..metrics import COSTS, bayes_threshold
from .front_ends import RECORD

METRICS = {  # in result.json: (its name, factor)
    "eer": ("EER, %", 100),
    "min_dcf": ("minDCF", 1),
    "act_dcf": ("actual DCF", 1),
    "cllr": ("Cllr, bits", 1),
}
USE = """## Intended use

To help a person who asks whether a recording of speech is synthetic or converted, and research.
Not as the only ground of a decision about a person, and not as proof. It finds what is like the
attacks that it knows.

## How to use it

```python
from antispoof import Detector

found = Detector.load("{name}.zip")("call.wav")
print(found.llr, found.p_spoof, found.decision)
```

`antispoof detect --model {name}.zip call.wav` does the same. Loading runs no code: weights are
safetensors, and each part is compared with its SHA-256 in manifest.json.
"""
INTERVALS = "\nIn brackets: 95 % intervals of a bootstrap, by speaker where speakers are known."
UNTESTED = """Not tested: other corpora, attacks, languages, codecs and channels than these; speech
that is spoofed in part; sounds that were made to deceive this model. The error there can be far
higher.
"""
READING = """## How to read the score

`llr` is a log-likelihood ratio in natural log: higher = more bona fide. At 0 the sound is as likely
under both. `p_spoof` is the probability of spoof at a prior of {prior:g}. The decision is bona fide
from {threshold:.3f} on, where the costs of evaluation decide at that prior; `prior` and `threshold`
state others. Calibrated on the dev set: a sound of another kind can get an LLR far too sure.
"""
RAW = """## How to read the score

Not calibrated: `score` is higher for bona fide speech, and has no threshold of its own. There is no
LLR and no P(spoof).
"""
TRAINING, SHOWN = "training_data.txt", 100  # lines of it in a card


def card(folder: Path, name: str, licence: str) -> str:
    """The card of the experiment `name`, whose pack is laid out in `folder`."""
    exp_dir = folder / "exp" / name
    results = [read_json(path) for path in result_paths(exp_dir)]
    names = [path.parent.name for path in result_paths(exp_dir)]
    head: dict[str, Any] = {
        "license": licence.lower(),
        "library_name": "antispoof",
        "pipeline_tag": "audio-classification",
        "tags": ["anti-spoofing", "deepfake-detection", "speech", "audio"],
    }
    if results:
        found = [_entry(*pair) for pair in zip(names, results, strict=True)]
        head["model-index"] = [{"name": name, "results": found}]
    sections = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n",
        f"# {name}\n\nSays of a recording of speech whether it is bona fide or spoofed.\n",
        _parts(folder),
        _training(folder),
        _tested(dict(zip(names, results, strict=True))),
        USE.format(name=name),
        _reading(exp_dir),
    ]
    return "\n".join(sections)


def _entry(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """A set's numbers, as the index of models has them."""
    metrics = [
        {"type": key, "name": label, "value": round(factor * result["pooled"][key], 4)}
        for key, (label, factor) in METRICS.items()
        if result["pooled"].get(key) is not None
    ]
    return {
        "task": {"type": "audio-classification", "name": "spoofed speech detection"},
        "dataset": {"type": name, "name": name},
        "metrics": metrics,
    }


def _parts(folder):
    """What each system is."""
    lines = ["## Parts\n", "| system | model | front end |", "|---|---|---|"]
    for place in sorted((folder / "exp").iterdir()):
        if is_fusion(place):
            systems = ", ".join(Fusion.load(fusion_path(place)).systems)
            lines.append(f"| {place.name} | fusion of {systems} | |")
        else:
            config = read_experiment(place)
            lines.append(f"| {place.name} | {config['model']} | {_front_end(place, config)} |")
    return "\n".join([*lines, ""])


def _front_end(place, config):
    path = place / RECORD
    if config["feats"] == "wave":
        return "its own"
    if not path.is_file():
        return f"{config['upstream']}, without weights"
    record = read_json(path)
    where = "in the pack" if record["part"] else f"{record['where']}, SHA-256 {record['sha256']}"
    return f"{config['upstream']} ({record['licence'] or 'licence not stated'}): {where}"


def _training(folder):
    """What the systems learnt from."""
    lines = ["## Training data\n"]
    path = folder / TRAINING
    if path.is_file():
        text = path.read_text("utf-8").splitlines()
        more = [f"... and {len(text) - SHOWN} lines more in {TRAINING}"] if text[SHOWN:] else []
        lines += ["```", *text[:SHOWN], *more, "```\n"]
    else:
        lines.append("The pack does not say.\n")
    for place in sorted((folder / "exp").glob("*")):
        if calibration_path(place).is_file() or is_fusion(place):
            known = _mapping(place)
            lines.append(
                f"{place.name} is calibrated on the set `{known.dev_set}`: {known.n_bonafide} bona "
                f"fide and {known.n_spoof} spoofed trials.\n"
            )
    return "\n".join(lines)


def _mapping(place):
    return (
        Fusion.load(fusion_path(place))
        if is_fusion(place)
        else Calibration.load(calibration_path(place))
    )


def _tested(results):
    """What it was tested on, with intervals, and what it was not."""
    lines = ["## What it was tested on\n"]
    if not results:
        lines.append("Nothing: the pack holds no result.\n")
    else:
        labels = [label for label, _ in METRICS.values()]
        lines.append(f"| set | bona fide | spoofed | {' | '.join(labels)} |")
        lines.append("|---|" + "--:|" * (2 + len(labels)))
    for name, result in results.items():
        counts, cells = result["counts"], [_cell(result, *item) for item in METRICS.items()]
        lines.append(f"| {name} | {counts['bonafide']} | {counts['spoof']} | {' | '.join(cells)} |")
    for name, result in results.items():
        for factor, values in result.get("by", {}).items():
            lines.append(f"\n{name}, by {factor}: {', '.join(sorted(values))}.")
    if results:
        lines.append(
            "\nIn brackets: 95 % intervals of a bootstrap, by speaker where speakers are known."
        )
    return "\n".join([*lines, "", UNTESTED])


def _cell(result, key, how):
    _, factor = how
    value = result["pooled"].get(key)
    if value is None:
        return "-"
    intervals = result.get("intervals", {}).get(key) or {}
    interval = intervals.get("speaker") or intervals.get("iid")
    digits = 2 if factor == 100 else 3
    bounds = (
        " [" + ", ".join(f"{factor * v:.{digits}f}" for v in interval) + "]" if interval else ""
    )
    return f"{factor * value:.{digits}f}{bounds}"


def _reading(exp_dir):
    """How a score is read."""
    if is_fusion(exp_dir) or calibration_path(exp_dir).is_file():
        return READING.format(prior=COSTS["p_spoof"], threshold=bayes_threshold())
    return RAW
