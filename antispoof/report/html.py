"""The page's templates, in which Jinja2 escapes every value, and the pieces that they give."""

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

COLUMNS = 5  # of numbers, beyond which a table takes the whole width of a grid
TEMPLATES = Environment(
    loader=PackageLoader(__package__, ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
PIECES = TEMPLATES.get_template("pieces.html").module


def piece(name: str, *values: Any, **named: Any) -> str:
    """A macro of pieces.html as Markup; its values are escaped unless they are pieces too."""
    return getattr(PIECES, name)(*values, **named)


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str, whole: bool = False
) -> str:
    """A table that scrolls by itself; the first cell of a row is its heading.

    header, rows, caption: text or pieces; whole: the cells after it are `heat` pieces.
    """
    return piece("table", header, list(rows), caption, len(header) > COLUMNS, whole)


def grid(parts: Iterable[str], roomy: bool = False) -> str:
    """Parts side by side where there is room: three, or two `roomy` ones on a wide screen."""
    return piece("grid", list(parts), roomy)


def wrapped(text: str) -> str:
    """A system's name, which may break after an underline."""
    return piece("wrapped", text)
