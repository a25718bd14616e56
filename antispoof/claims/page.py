"""The page of claims: a row each, with what was run, what it came to, and the verdict."""

from collections.abc import Iterable, Sequence
from typing import Any

from .listed import Effect, Row, threshold_text

UNITS = {  # of a kind: unit, digits, and the sign of a value; of others: points
    "correlation": ("", 2, "+"),
    "diagnostic": ("", 2, "+"),
    "firm": ("", 3, ""),
}
HEADER = (
    "claim",
    "source",
    "what was run",
    "effect, 95 % interval",
    "verdict",
    "what this corpus cannot settle",
)


def effect_text(effect: Effect, kind: str) -> str:
    """A value with its interval, and what such an interval could have shown."""
    unit, digits, sign = UNITS.get(kind, (" points", 2, "+"))
    low, high = (f"{end:{sign}.{digits}f}" for end in effect.interval)
    text = f"{effect.what}: {effect.value:{sign}.{digits}f}{unit} [{low}, {high}]"
    if effect.here:
        text += ", of these attacks alone [{:{s}.{d}f}, {:{s}.{d}f}]".format(
            *effect.here, s=sign, d=digits
        )
    if not effect.reach:
        return text
    if kind == "firm":
        return f"{text}; {effect.reach}"
    shown = effect.reach if kind in UNITS else f"{effect.reach} from the threshold"
    return f"{text}; could tell: {shown}"


def cells(row: Row) -> Sequence[str]:
    """The words of a row, one for each column."""
    own = row.claim
    effects = [effect_text(effect, own["kind"]) for effect in row.effects]
    if row.note:
        effects.append(row.note)
    verdict = f"**{row.verdict}**"
    if "holds" in own:
        verdict += f" ({threshold_text(own['holds'])})"
    if row.verdict_here:
        verdict += f"<br>of these attacks alone: **{row.verdict_here}**"
    ran = f"not run: {row.lacks}" if row.lacks else row.ran
    settled = own["open"]
    if own.get("commands"):
        settled += ": " + ", then ".join(f"`{text}`" for text in own["commands"])
    return own["claim"], own["source"], ran, "<br>".join(effects) or "-", verdict, settled


def markdown(rows: Iterable[Row], about: str) -> str:
    """The table. about: the command and the commit, a paragraph above it."""
    lines = ["# Claims, and what this corpus says of them", "", about, ""]
    lines += [_line(HEADER), _line([":--"] * len(HEADER))]
    lines += [_line(cells(row)) for row in rows]
    return "\n".join([*lines, ""])


def record(row: Row) -> dict[str, Any]:
    """A row as JSON: its numbers, and the words by which the page and the report show them."""
    own = row.claim
    effects = [
        {
            "what": effect.what,
            "value": effect.value,
            "interval": list(effect.interval),
            "of_these_attacks": effect.here and list(effect.here),
            "reach": effect.reach,
            "text": effect_text(effect, own["kind"]),
        }
        for effect in row.effects
    ]
    words: dict[str, Any] = {
        "verdict": row.verdict,
        "of_these_attacks": row.verdict_here,
        "ran": row.ran,
    }
    words |= {"lacks": row.lacks, "note": row.note, "holds": own.get("holds")}
    return {"name": own["name"], "claim": own["claim"], "effects": effects, **words}


def _line(words):
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |"
