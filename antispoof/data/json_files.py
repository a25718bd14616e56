"""JSON files: one way to write them, and one way to read them that says what is wrong in a line."""

import json
import math
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import atomic_open, await_file

number = (int, float)  # in a shape: any finite number


def json_text(value: Any) -> str:
    """`value` as JSON: sorted keys, a line for each item, numbers that read back as they are."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` to `path`, which appears only when all of it is there."""
    text = json_text(value)
    with atomic_open(path) as stream:
        stream.write(text)


def read_json(path: str | Path, shape: Any = None, *, missing: str = "", wrong: str = "") -> Any:
    """The value of a JSON file, which has the `shape` that `fault` describes.

    Raises UserError where there is no such file, it is not JSON, or it has another shape; `missing`
    and `wrong` say what to do then.
    """
    await_file(path)
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file{missing and f'; {missing}'}")
    todo = wrong and f"; {wrong}"
    try:
        value = json.loads(Path(path).read_text("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON ({error}){todo}") from None
    found = "" if shape is None else fault(value, shape)
    if found:
        raise UserError(f"{path}: {found}{todo}")
    return value


def _refuse_constant(word):
    raise ValueError(f"found {word}, which is no number")


def fault(value: Any, shape: Any, place: str = "") -> str:
    """What is wrong with a value, in words; nothing where it has the shape.

    A shape is a type; `number`; None; a tuple of shapes, one of which fits; a list of one shape,
    that of every item, or of several, one for each; or {key: shape}, where `key?` may be absent and
    `*` is every key.
    """
    if isinstance(shape, dict):
        return _table_fault(value, shape, place)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _text(place, value, "a list")
        if len(shape) > 1 and len(shape) != len(value):
            return _text(place, value, f"a list of {len(shape)}")
        shapes = shape if len(shape) > 1 else shape * len(value)
        pairs = enumerate(zip(value, shapes, strict=True))
        found = (fault(item, own, f"{place}[{index}]") for index, (item, own) in pairs)
        return next(filter(None, found), "")
    if shape is number:
        return "" if _is_number(value) else _text(place, value, "a finite number")
    if isinstance(shape, tuple):
        faults = [fault(value, own, place) for own in shape]
        return "" if "" in faults else faults[0]
    if shape is None:
        return "" if value is None else _text(place, value, "null")
    return "" if type(value) is shape else _text(place, value, WORDS[shape])


WORDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "names with values"}


def _table_fault(value, shape, place):
    if not isinstance(value, dict):
        return _text(place, value, WORDS[dict])
    inside = f"{place}." if place else ""
    for key, own in shape.items():
        names = list(value) if key == "*" else [key.removesuffix("?")]
        for name in names:
            if name in value:
                if found := fault(value[name], own, f"{inside}{name}"):
                    return found
            elif not key.endswith("?"):
                return f"lacks '{inside}{name}'"
    return ""


def _is_number(value):
    try:
        return type(value) in number and math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _text(place, value, wanted):
    text = json.dumps(value)
    text = text if len(text) <= 40 else f"{text[:37]}..."
    return f"{place + ': ' if place else ''}found {text}, wanted {wanted}"
