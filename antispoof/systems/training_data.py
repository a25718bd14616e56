"""What a pack says of the data that its systems learnt from, without where these lie."""

import re
from collections.abc import Iterable
from pathlib import Path

from ..evaluation.contamination import lines_of

_ROOT = r"(?:file://)?(?:~|(?<!\w)[A-Z]:)?[/\\]"  # what a path begins with
_QUOTED = re.compile(rf"([\"'`]){_ROOT}(?:(?!\1).)*[/\\]((?:(?!\1)[^/\\])+)[/\\]?\1")
# A folder has blanks where a slash follows them; what stands between two paths has others.
_FOLDER = r"(?:[^\s/\\\"'`]*|[^/\\\"'`:;,=|()\t]*)[/\\]"
_PLAIN = re.compile(rf"(?<![\w./\\]){_ROOT}(?![\s/\\])(?:{_FOLDER})*([^\s/\\\"'`]*)")


def training_data(places: Iterable[Path], provenance: str | Path | None = None) -> str:
    """Lines on the training sets of the experiments `places`, and then those of `provenance`."""
    lines = []
    for place in places:
        script = place / "run.sh"
        text = script.read_text("utf-8") if script.is_file() else ""
        found = re.search(r" --train (\S+)", text)
        valid = place.parents[1] / found[1] / "valid" if found else None
        if valid and valid.is_file():
            lines.append(f"{place.name} was trained on {valid.read_text('utf-8').strip()}")
        lines += [f"{place.name} was trained on {line}" for line in lines_of(place)]
    lines += Path(provenance).read_text("utf-8").splitlines() if provenance else []
    return "".join(f"{without_folders(line)}\n" for line in lines)


def without_folders(line: str) -> str:
    """`line` with the last name of each absolute path in place of the path."""
    return _PLAIN.sub(r"\1", _QUOTED.sub(r"\1\2\1", line))
