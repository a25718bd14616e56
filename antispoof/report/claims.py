"""The section of claims: the verdicts that steps/claims.py wrote next to data/, where it did."""

from pathlib import Path

from ..data.json_files import read_json
from .html import piece, table

NAME = "CLAIMS.json"  # next to CLAIMS.md, which says what was run
SHAPE = [
    {
        "claim": str,
        "verdict": str,
        "effects": [{"text": str}],
        "of_these_attacks?": str,
        "note?": str,
        "lacks?": str,
    }
]


def claims(data: Path) -> str:
    """A row for each claim that was judged on these data; "" of none. Raises UserError."""
    path = data.parent / NAME
    if not path.is_file():
        return ""
    rows = [
        [
            piece("cell", own["claim"], _small(own)),  # as a heading, whose words wrap
            own["verdict"],
            own.get("of_these_attacks") or "-",
        ]
        for own in read_json(path, SHAPE, wrong="run steps/claims.py again")
    ]
    caption = "Published claims, judged on this corpus; 95 % intervals; CLAIMS.md says what was run"
    return table(["claim", "verdict", "of these attacks alone"], rows, caption)


def _small(own):
    """What stands below a claim: its effects, what is noted of them, and what lacks."""
    texts = [effect["text"] for effect in own["effects"]]
    return [*texts, *(text for key in ("note", "lacks") if (text := own.get(key)))]
