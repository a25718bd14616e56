"""What a detector says of one sound, and of the windows of a long one."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from .. import SAMPLE_RATE
from ..systems.where import Timeline


@dataclass(frozen=True)
class Window:
    """A piece of a sound, scored as if it were the whole one. Seconds; the LLR or None."""

    start: float
    end: float
    llr: float | None
    score: float | None = None  # of a system that is not calibrated, in place of the LLR


@dataclass(frozen=True)
class Detection:
    """What a detector says of one sound."""

    name: str  # the path, or "array"
    llr: float  # natural log; higher = more bona fide; NaN where the model gives none of silence
    p_spoof: float  # P(spoof | sound), at `prior`; NaN where the LLR is
    decision: str  # bonafide where llr >= threshold, or spoof; none where there is no verdict
    seconds: float
    windows: tuple[Window, ...]  # of a sound that is longer than one
    prior: float  # of spoof
    threshold: float  # on the LLR
    rate: int  # Hz, of the sound as it was found
    channels: int
    warnings: tuple[str, ...] = ()  # why it is not to be trusted, or why there is no verdict
    score: float | None = None  # of a system that is not calibrated; the LLR is then NaN
    frames: Timeline | None = None  # where it is spoofed, of a model of frames

    @property
    def conversions(self) -> str:
        """What was done to the sound before it was scored, in words; nothing where nothing was."""
        words = [f"resampled from {self.rate} Hz"] if self.rate != SAMPLE_RATE else []
        words += [f"mixed down from {self.channels} channels"] if self.channels != 1 else []
        return ", ".join(words)


def plain(found: Detection) -> dict[str, Any]:
    """Its fields and conversions as JSON knows them: nothing in place of a number that is none."""
    record = {**_known(asdict(found)), "conversions": found.conversions}
    if found.frames is None:  # of a model of whole utterances
        del record["frames"]
    return record


def _known(value):
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
