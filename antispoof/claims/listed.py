"""What is claimed of detectors: a row of the list, and the verdict that an interval allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError

HELD, NOT_HELD, OPEN, NOT_RUN = "held", "not held", "cannot tell", "not run"


@dataclass(frozen=True)
class Effect:
    """What was measured: a value with its interval, in the unit of the claim's threshold.

    reach: what such an interval could have shown, in words. here: the interval without drawing
    attacks, which speaks of those of the set alone.
    """

    what: str
    value: float
    interval: tuple[float, float]
    reach: str = ""
    here: tuple[float, float] | None = None


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

    @property
    def verdict_here(self) -> str:
        """The verdict of the attacks of the set alone; "" where no interval speaks of them."""
        intervals = [own.here for own in self.effects if own.here]
        if self.lacks or not intervals or len(intervals) < len(self.effects):
            return ""
        return verdict(intervals, self.claim["holds"], self.allowed)


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


def chosen(claims: Sequence[Mapping[str, Any]], names: str) -> list[Mapping[str, Any]]:
    """The claims of these names, with commas between; all where there is none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = [own["name"] for own in claims]
    if unknown := [name for name in wanted if name not in known]:
        raise UserError(f"--claims: found '{unknown[0]}', wanted some of {', '.join(known)}")
    return [own for own in claims if not wanted or own["name"] in wanted]
