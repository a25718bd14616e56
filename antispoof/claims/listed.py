"""What is claimed of detectors: the list of claims, and the verdict that an interval allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..data.json_files import fault, number
from ..errors import UserError

HELD, NOT_HELD, OPEN, NOT_RUN = "held", "not held", "cannot tell", "not run"
KINDS = {  # what each kind of claim names
    "correlation": ("over", "first", "second"),
    "difference": ("pairs", "on"),
    "contrast": ("pairs", "on"),
    "saving": ("pairs", "on", "saving"),
    "trend": ("over", "at", "on"),
    "flag": ("over", "first", "second", "below"),
    "diagnostic": ("over", "diagnostic", "second"),
    "firm": ("over",),
    "none": (),
}
PLACE = {"set": str, "trials?": str}
CLAIM = {
    "name": str,
    "claim": str,
    "source": str,
    "kind": str,
    "open": str,
    "command": str,
    "over?": [str],
    "pairs?": [[str]],
    "at?": [number],
    "first?": PLACE,
    "second?": PLACE,
    "on?": PLACE,
    "below?": number,
    "saving?": number,
    "diagnostic?": str,
    "holds?": {"above?": number, "below?": number, "within?": [number, number]},
}
TRAINING = {
    "system?": str,
    "of?": str,
    "override?": str,
    "attacks?": int,
    "grid?": str,
    "epochs?": int,
}
SHAPE = {"training_attacks": [str], "trainings": {"*": TRAINING}, "claims": [CLAIM]}


@dataclass(frozen=True)
class Effect:
    """What was measured: a value with its interval, in the unit of the claim's threshold."""

    what: str
    value: float
    interval: tuple[float, float]


@dataclass
class Row:
    """A claim with what was run for it; `lacks` says what was not."""

    claim: Mapping[str, Any]
    effects: list[Effect] = field(default_factory=list)
    ran: str = ""
    lacks: str = ""
    note: str = ""
    allowed: bool = True  # whether what else the claim says was found, as a saving

    @property
    def verdict(self) -> str:
        if self.lacks:
            return NOT_RUN
        if not self.effects:
            return OPEN
        return verdict([own.interval for own in self.effects], self.claim["holds"], self.allowed)


def verdict(
    intervals: Sequence[tuple[float, float]], holds: Mapping[str, Any], allowed: bool = True
) -> str:
    """`held` where every interval is within the threshold, `not held` where one is outside.

    holds: {above: x}, {below: x} or {within: [low, high]}. Not `allowed`: not held, whatever the
    intervals say.
    """
    low, high = holds.get("within", (holds.get("above", -float("inf")), float("inf")))
    if "below" in holds:
        high = min(high, holds["below"])
    if not allowed or any(end <= low or begin >= high for begin, end in intervals):
        return NOT_HELD
    return HELD if all(low < begin and end < high for begin, end in intervals) else OPEN


def threshold_text(holds: Mapping[str, Any]) -> str:
    """The threshold in words."""
    if "within" in holds:
        return "within {:+g} to {:+g}".format(*holds["within"])
    return " and ".join(f"{key} {holds[key]:+g}" for key in ("above", "below") if key in holds)


def read_claims(path: str | Path) -> dict[str, Any]:
    """The list of claims and of what is trained. Raises UserError for what is none."""
    try:
        found = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        said = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read ({said}); wanted claims as YAML") from None
    if wrong := fault(found, SHAPE):
        raise UserError(f"{path}: {wrong}")
    names = [own["name"] for own in found["claims"]]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{path}: found the claim '{twice}' twice, wanted each once")
    for own in found["claims"]:
        _check(path, own)
    for name, own in found["trainings"].items():
        if ("system" in own) == ("of" in own) or not name.startswith(own.get("system", "")):
            raise UserError(f"{path}: {name}: wanted `system`, which it begins with, or `of`")
    return found


def _check(path, own):
    place = f"{path}: {own['name']}"
    if own["kind"] not in KINDS:
        raise UserError(f"{place}: found kind '{own['kind']}', wanted one of {', '.join(KINDS)}")
    wanted = (*KINDS[own["kind"]], *(["holds"] if own["kind"] != "none" else []))
    if lacking := [key for key in wanted if key not in own]:
        raise UserError(f"{place}: lacks '{lacking[0]}', wanted {', '.join(wanted)}")
    if "holds" in own and not own["holds"]:
        raise UserError(f"{place}: holds: found nothing, wanted above, below or within")
    if any(len(pair) != 2 for pair in own.get("pairs", [])):
        raise UserError(f"{place}: pairs: wanted two names in each")
    if "at" in own and len(own["at"]) != len(own["over"]):
        raise UserError(f"{place}: at: found {len(own['at'])} numbers, wanted one for each of over")


def chosen(claims: Sequence[Mapping[str, Any]], names: str) -> list[Mapping[str, Any]]:
    """The claims of these names, with commas between; all where there is none."""
    wanted = [name for name in names.split(",") if name]
    known = [own["name"] for own in claims]
    if unknown := [name for name in wanted if name not in known]:
        raise UserError(f"--claims: found '{unknown[0]}', wanted some of {', '.join(known)}")
    return [own for own in claims if not wanted or own["name"] in wanted]
