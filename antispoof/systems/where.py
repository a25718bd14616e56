"""Where a sound is spoofed, by a system that has a model of frames: a time line of its scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.sounds import Sound
from ..errors import UserError
from ..scoring.frames import FrameScores, frame_scores, frames_of
from ..scoring.score import score
from .given import give_inputs
from .system import Mapped, System


@dataclass(frozen=True)
class Timeline:
    """Scores of frames, the first from 0 s on: logit of bona fide minus that of spoof."""

    seconds: float  # of a frame
    scores: tuple[float, ...]  # below 0: rather spoofed; they are not calibrated
    spoofed: tuple[tuple[float, float], ...]  # start and end of what is below 0, seconds


def timelines(system: Mapped | System, sounds: Sequence[Sound]) -> list[Timeline] | None:
    """The time line of each of several sounds of different names; None of a system without frames.

    Of a fusion, that of the first system that has one, at its finest resolution. None too where
    the system cannot score one of the sounds.
    """
    if isinstance(system, Mapped):
        found = (timelines(own, sounds) for own in system.systems)
        return next((lines for lines in found if lines is not None), None)
    if not isinstance(system, System) or not sounds or not has_frames(system):
        return None
    frames = frame_scores(system.model, system.config, "model")
    assert frames is not None
    try:
        _score(system, sounds, frames)
    except UserError:
        return None
    return [timeline(frames.resolutions[0], frames.found[n][0]) for n in range(len(sounds))]


def has_frames(system: System) -> bool:
    """Whether a system has a model of frames that scores whole sounds."""
    return frames_of(system.model) is not None and system.config["crop"]["test"] == "full"


def _score(system, sounds, frames: FrameScores):
    inputs = give_inputs(system.config, sounds, system.upstream)
    place = (system.model, inputs, system.config["batch_size"], system.device)
    return score(*place, quiet=True, frames=frames)


def timeline(seconds: float, scores: np.ndarray) -> Timeline:
    """The time line of scores (T,) of frames."""
    below = np.diff(np.concatenate([[0], (scores < 0).astype(int), [0]]))
    starts, ends = np.flatnonzero(below == 1), np.flatnonzero(below == -1)
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    spoofed = tuple((round(a * seconds, 6), round(b * seconds, 6)) for a, b in spans)
    return Timeline(seconds, tuple(round(float(s), 4) for s in scores), spoofed)
