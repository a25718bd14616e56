"""Where a sound is spoofed, by a system that has a model of frames: a time line of its scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import SAMPLE_RATE
from ..data.sounds import Sound
from ..errors import UserError
from ..scoring.frames import FrameScores, frames_of
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
    own = frames_of(system.model)
    assert own is not None
    frames = FrameScores(own.resolutions)
    try:
        _score(system, sounds, frames)
    except UserError:
        return None
    return [
        timeline(frames.resolutions[0], frames.found[n][0], sound.samples / SAMPLE_RATE)
        for n, sound in enumerate(sounds)
    ]


def has_frames(system: System) -> bool:
    """Whether a system has a model of frames that scores whole sounds."""
    window = system.upstream.config["window"]["policy"] if system.upstream else "full"
    whole = window == system.config["crop"]["test"] == "full"
    return whole and frames_of(system.model) is not None


def _score(system, sounds, frames: FrameScores):
    inputs = give_inputs(system.config, sounds, system.upstream)
    place = (system.model, inputs, system.config["batch_size"], system.device)
    return score(*place, quiet=True, frames=frames)


def timeline(seconds: float, scores: np.ndarray, length: float) -> Timeline:
    """The time line of scores (T,) of frames of a sound of `length` seconds.

    The last frame lasts to the end of the sound.
    """
    below = np.diff(np.concatenate([[0], (scores < 0).astype(int), [0]]))
    starts, ends = np.flatnonzero(below == 1), np.flatnonzero(below == -1)
    times = np.append(np.minimum(seconds * np.arange(len(scores)), length), length).round(6)
    spans = zip(times[starts].tolist(), times[ends].tolist(), strict=True)
    spoofed = tuple((start, end) for start, end in spans if start < end)
    return Timeline(seconds, tuple(round(float(s), 4) for s in scores), spoofed)
