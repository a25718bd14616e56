"""What a key of a config may be: its default, and next to it the choices, the range or the kind.

`antispoof.config.merge` asks the key, and nobody else checks a value by itself. What two keys may
be together stands where they are used.
"""

import contextlib
import dataclasses
import difflib
import math
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UserError

SHOWN = 20  # choices beyond which an error names the nearest alone
MOST = 10**9  # of a whole number where nothing else is said
NAME = re.compile(r"[^\s-]\S*\Z")  # no blank, and not the - that stands for none
RANGE = re.compile(r"(\d{1,3})\.\.(\d{1,3})")  # of layers


@dataclasses.dataclass(frozen=True)
class Key:
    """A key with its default, of whose type a value must be."""

    default: object

    def check(self, value: Any, path: str | Path, name: str) -> Any:
        """The value as the config holds it; `path` and `name` are for errors. Raises UserError."""
        if type(value) is not type(self.default):
            refuse(path, name, value, type(self.default).__name__)
        return value


@dataclasses.dataclass(frozen=True)
class Choice(Key):
    """One of `allowed`: words, or true and false."""

    allowed: tuple

    def check(self, value: Any, path: str | Path, name: str) -> Any:
        if not any(type(value) is type(a) and value == a for a in self.allowed):
            one_of(path, name, str(value), tuple(str(a).lower() for a in self.allowed))
            refuse(path, name, value, f"one of {', '.join(map(str, self.allowed))}")
        return value


@dataclasses.dataclass(frozen=True)
class Metric(Choice):
    """What a model is chosen by; never of a set that is watched or reported on."""

    def check(self, value: Any, path: str | Path, name: str) -> Any:
        if isinstance(value, str) and not value.startswith(("dev", "train")):
            raise UserError(
                f"{path}: '{name}' is '{value}'; a set that is watched or reported on chooses "
                f"nothing: wanted one of {', '.join(self.allowed)}"
            )
        return super().check(value, path, name)


@dataclasses.dataclass(frozen=True)
class Number(Key):
    """A finite number in a range whose ends are part of it, but for `above` and `below`."""

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def check(self, value: Any, path: str | Path, name: str) -> float:
        if isinstance(value, str):  # YAML reads 1e-3, which has no dot, as text
            with contextlib.suppress(ValueError):
                value = float(value)
        if type(value) not in (int, float):
            refuse(path, name, value, "float")
        huge = type(value) is int and abs(value) > 1e300  # more than a float holds
        number = math.inf if huge else float(value)
        within = self.least <= number <= self.most and self.above < number < self.below
        if not within or not math.isfinite(number):
            refuse(path, name, number, self.wanted())
        return number

    def wanted(self) -> str:
        """The range in words."""
        ends = {"at least": self.least, "more than": self.above}
        ends |= {"at most": self.most, "less than": self.below}
        said = [f"{words} {end:g}" for words, end in ends.items() if math.isfinite(end)]
        return ", ".join(said) or "a finite number"


@dataclasses.dataclass(frozen=True)
class Whole(Key):
    """A whole number in a range."""

    least: int = 0
    most: int = MOST

    def check(self, value: Any, path: str | Path, name: str) -> int:
        value = super().check(value, path, name)
        if value < self.least:
            refuse(path, name, value, f"at least {self.least}")
        if value > self.most:
            refuse(path, name, value, f"at most {self.most}")
        return value


@dataclasses.dataclass(frozen=True)
class Words(Key):
    """A list of which each is one of `allowed`."""

    allowed: tuple

    def check(self, value: Any, path: str | Path, name: str) -> list[str]:
        some_of(path, name, super().check(value, path, name), self.allowed)
        return value


@dataclasses.dataclass(frozen=True)
class Names(Key):
    """A list of names, each once; kept in their order of letters."""

    def check(self, value: Any, path: str | Path, name: str) -> list[str]:
        good = isinstance(value, list) and all(isinstance(v, str) and NAME.match(v) for v in value)
        if not good or len(set(value)) < len(value):
            refuse(path, name, value, "a list of names, each once, e.g. [A01]")
        return sorted(value)


@dataclasses.dataclass(frozen=True)
class Layers(Key):
    """Layers from 0: a list, a range like 1..24, or one of `words`.

    once: whether none may come twice; the list is then in ascending order.
    """

    words: tuple = ()
    once: bool = False
    wanted: str = "a list of numbers from 0, or a range like 1..24"

    def check(self, value: Any, path: str | Path, name: str) -> Any:
        if isinstance(value, str) and value in self.words:
            return value
        layers, span = value, isinstance(value, str) and RANGE.fullmatch(value)
        if span:
            layers = list(range(int(span[1]), int(span[2]) + 1))
        good = isinstance(layers, list) and layers
        if not good or not all(type(layer) is int and 0 <= layer <= 999 for layer in layers):
            refuse(path, name, value, self.wanted)
        if self.once and len(set(layers)) < len(layers):
            refuse(path, name, value, self.wanted)
        return sorted(layers) if self.once else layers


@dataclasses.dataclass(frozen=True)
class Weights(Key):
    """A number above 0 for each of `of`."""

    of: tuple

    def check(self, value: Any, path: str | Path, name: str) -> list[float]:
        good = isinstance(value, list) and len(value) == len(self.of)
        if not good or not all(type(v) in (int, float) and 0 < v < 1e300 for v in value):
            refuse(path, name, value, f"a number for each of {self.of}")
        return value


@dataclasses.dataclass(frozen=True)
class Template(Key):
    """Text in which `{seed}` stands for the seed, and no other brace."""

    def check(self, value: Any, path: str | Path, name: str) -> str:
        rest = super().check(value, path, name).replace("{seed}", "")
        if "{" in rest or "}" in rest:
            refuse(path, name, value, "text in which {seed} alone stands in braces")
        return value


@dataclasses.dataclass(frozen=True)
class Free(Key):
    """A list, or keys and values, that others check; its numbers are finite."""

    def check(self, value: Any, path: str | Path, name: str) -> Any:
        waiting = [(name, super().check(value, path, name))]
        while waiting:
            place, part = waiting.pop()
            if isinstance(part, dict):
                waiting += [(f"{place}.{key}", inner) for key, inner in part.items()]
            elif isinstance(part, list):
                waiting += [(f"{place}[{n}]", inner) for n, inner in enumerate(part)]
            elif type(part) in (int, float) and not abs(part) < 1e300:
                refuse(path, place, part, "a finite number")
        return value


def refuse(path: str | Path, name: str, value: object, wanted: str) -> NoReturn:
    """Raise UserError for the value of a key."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise UserError(f"{path}: '{name}' is {shown}, wanted {wanted}")


def one_of(path: str | Path, key: str, value: object, allowed: Collection[str]) -> None:
    """Raise UserError unless `value` is one of `allowed`; names the nearest."""
    if value not in allowed:
        near = difflib.get_close_matches(str(value), [str(a) for a in allowed], 1, 0.0)
        hint = f", did you mean '{near[0]}'?" if near else ""
        wanted = f"one of {', '.join(allowed)}" if len(allowed) <= SHOWN else "a known one"
        raise UserError(f"{path}: '{key}' is '{value}', wanted {wanted}{hint}")


def some_of(path: str | Path, key: str, values: Iterable[object], allowed: Collection[str]) -> None:
    """Raise UserError unless each of the list `values` is one of `allowed`."""
    for value in values:
        one_of(path, key, value, allowed)
