"""The section of claims: the verdicts that steps/claims.py wrote next to data/, where it did."""

from pathlib import Path

from ..data.json_files import read_json
from .html import table, wrapped

NAME = "CLAIMS.json"  # next to CLAIMS.md, which says what was run
SHAPE = [{"name": str, "claim": str, "verdict": str, "of_these_attacks?": str}]


def claims(data: Path) -> str:
    """A row for each claim that was judged on these data; "" of none. Raises UserError."""
    path = data.parent / NAME
    if not path.is_file():
        return ""
    rows = [
        [wrapped(own["name"]), own["claim"], own["verdict"], own.get("of_these_attacks") or "-"]
        for own in read_json(path, SHAPE, wrong="run steps/claims.py again")
    ]
    caption = "Published claims, judged on this corpus; CLAIMS.md says what was run, with intervals"
    return table(["name", "claim", "verdict", "of these attacks alone"], rows, caption)
