"""The page of claims: a row each, with what was run, what it came to, and the verdict."""

from collections.abc import Iterable, Sequence

from .listed import Effect, Row, threshold_text

UNITS = {
    "correlation": ("", 2),
    "diagnostic": ("", 2),
    "firm": ("", 3),
}  # of a kind: unit and digits; of others: points
HEADER = ("claim", "source", "what was run", "effect, 95 % interval", "verdict", "not settled here")


def effect_text(effect: Effect, kind: str) -> str:
    """A value with its interval."""
    unit, digits = UNITS.get(kind, (" points", 2))
    low, high = (f"{end:+.{digits}f}" for end in effect.interval)
    return f"{effect.what}: {effect.value:+.{digits}f}{unit} [{low}, {high}]"


def cells(row: Row) -> Sequence[str]:
    """The words of a row, one for each column."""
    own = row.claim
    effects = [effect_text(effect, own["kind"]) for effect in row.effects]
    if row.note:
        effects.append(row.note)
    verdict = f"**{row.verdict}**"
    if "holds" in own:
        verdict += f" ({threshold_text(own['holds'])})"
    ran = f"not run: {row.lacks}" if row.lacks else row.ran
    settled = f"{own['open']}: `{own['command']}`"
    return own["claim"], own["source"], ran, "<br>".join(effects) or "-", verdict, settled


def markdown(rows: Iterable[Row], about: str) -> str:
    """The table. about: the command and the commit, a paragraph above it."""
    lines = ["# Claims, and what this corpus says of them", "", about, ""]
    lines += [_line(HEADER), _line([":--"] * len(HEADER))]
    lines += [_line(cells(row)) for row in rows]
    return "\n".join([*lines, ""])


def _line(words):
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |"
