"""How metrics are called where people read them, and how their values are written."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Title(NamedTuple):
    """A metric's name, what its values are multiplied by, and digits behind the point."""

    name: str
    factor: int = 1
    digits: int = 4  # of comparisons, where small differences count
    table_digits: int = 3  # of tables of results
    unit: str = ""  # of a difference
    sign: str = ""  # behind the name where values are shown


TITLES = {
    "eer": Title("EER", 100, 2, 2, " points", " %"),
    "min_dcf": Title("minDCF"),
    "act_dcf": Title("actDCF"),
    "cllr": Title("Cllr", unit=" bits"),
    "ece": Title("ECE"),
    "macs": Title("MACs"),
}


SHOWN = ("crossed", "speaker", "iid")  # kinds of intervals, the one to be shown first


def shown(kinds: Mapping[str, Any]) -> Any:
    """The interval that tables show, of {kind: interval}; None where there is none."""
    return next((kinds[kind] for kind in SHOWN if kinds.get(kind)), None)


def value_text(metric: str, value: float, sign: str = "") -> str:
    """A value, or a difference of two, as comparisons write it; `sign` as in a format, e.g. +."""
    title = TITLES[metric]
    return f"{title.factor * value:{sign}.{title.digits}f}"


def table_text(metric: str, value: float | None) -> str:
    """A value as tables of results write it; `-` for none."""
    if value is None:
        return "-"
    title = TITLES[metric]
    return f"{value * title.factor:.{title.table_digits}f}"
