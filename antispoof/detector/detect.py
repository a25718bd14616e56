"""A detector for any sound: from a file or an array to an LLR, P(spoof) and a decision."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from .. import SAMPLE_RATE
from ..data.crop import window_starts
from ..errors import UserError
from ..metrics import COSTS, bayes_threshold
from ..torch_utils.device import choose_device
from .batches import ahead
from .sounds import Sound, given_sound, read_sound
from .system import Mapped, open_detector

CHUNK_SECONDS, CHUNK_SOUNDS = 60.0, 64  # of sounds that are in memory at once, one at least


@dataclass(frozen=True)
class Window:
    """A piece of a sound, scored as if it were the whole one. Seconds; the LLR or None."""

    start: float
    end: float
    llr: float | None


@dataclass(frozen=True)
class Detection:
    """What a detector says of one sound."""

    name: str  # the path, or "array"
    llr: float  # natural log; higher = more bona fide
    p_spoof: float  # P(spoof | sound), at `prior`
    decision: str  # bonafide where llr >= threshold, or spoof
    seconds: float
    windows: tuple[Window, ...]  # of a sound that is longer than one
    prior: float  # of spoof
    threshold: float  # on the LLR
    rate: int  # Hz, of the sound as it was found
    channels: int

    @property
    def conversions(self) -> str:
        """What was done to the sound before it was scored, in words; nothing where nothing was."""
        words = [f"resampled from {self.rate} Hz"] if self.rate != SAMPLE_RATE else []
        words += [f"mixed down from {self.channels} channels"] if self.channels != 1 else []
        return ", ".join(words)


class Detector:
    """An experiment that scores sounds: `Detector.load("exp/fusion_seed1")("call.wav").llr`.

    Args: system: by `open_detector`; prior: of spoof, for P(spoof), by default as evaluation's
    costs; threshold: on the LLR, by default the one at which evaluation's costs at this prior
    decide.
    """

    def __init__(
        self, system: Mapped, prior: float = COSTS["p_spoof"], threshold: float | None = None
    ) -> None:
        if not 0 < prior < 1:
            raise UserError(f"prior: found {prior}, wanted a number between 0 and 1")
        if threshold is None:
            threshold = bayes_threshold(**{**COSTS, "p_spoof": prior})
        self.system, self.prior, self.threshold = system, prior, threshold
        if not math.isfinite(self.threshold):
            raise UserError(f"threshold: found {threshold}, wanted a number")

    @classmethod
    def load(
        cls,
        exp_dir: str | Path,
        device: str = "auto",
        prior: float = COSTS["p_spoof"],
        threshold: float | None = None,
    ) -> "Detector":
        """The experiment in `exp_dir`: a fusion, or a system with its calibration.json.

        device: auto, cpu or cuda. Raises UserError.
        """
        return cls(open_detector(exp_dir, choose_device(device)), prior, threshold)

    def __call__(self, x: Any, windows: bool = True) -> Any:
        """The `Detection` of x: a path, a pair (array, rate), a Sound; of a list of them, a list.

        array: (samples,) or (samples, channels), floats in [-1, 1] or whole numbers. windows:
        whether those of long sounds are scored too. Raises UserError for what cannot be read.
        """
        found = []
        for _, detection in self.each(x if isinstance(x, list) else [x], windows):
            if isinstance(detection, UserError):
                raise detection
            found.append(detection)
        return found if isinstance(x, list) else found[0]

    def each(
        self, items: Iterable[Any], windows: bool = True
    ) -> Iterator[tuple[Any, Detection | UserError]]:
        """Yield (item, its Detection, or the UserError that says why there is none), in order.

        Of any number of items, a chunk at a time is in memory.
        """
        chunk: list[tuple[Any, Sound | UserError]] = []
        for item, sound in ahead((item, _read(item)) for item in items):
            if not _fits(sound, chunk):
                yield from self._detect(chunk, windows)
                chunk = []
            chunk.append((item, sound))
        yield from self._detect(chunk, windows)

    def _detect(self, chunk, windows):
        sounds = [sound for _, sound in chunk if isinstance(sound, Sound)]
        order = sorted(range(len(sounds)), key=lambda n: len(sounds[n].wave))  # little padding
        llrs = dict(zip(order, self._llrs([sounds[n] for n in order]), strict=True))
        number = 0
        for item, sound in chunk:
            found = sound
            if isinstance(sound, Sound):
                found, number = llrs[number], number + 1
            if not isinstance(found, UserError):
                found = self._detection(sound, found, windows)
            yield item, found

    def _llrs(self, sounds: Sequence[Sound]) -> list[float | UserError]:
        """The LLR of each, or why there is none."""
        try:
            return list(map(float, self.system.scores(sounds))) if sounds else []
        except UserError as error:
            if len(sounds) == 1:
                return [_placed(error, sounds[0])]
            return [self._llrs([sound])[0] for sound in sounds]

    def _detection(self, sound, llr, windows):
        odds = math.log((1 - self.prior) / self.prior)
        return Detection(
            name=sound.place,
            llr=llr,
            p_spoof=1 / (1 + math.exp(min(max(llr + odds, -500.0), 500.0))),
            decision="bonafide" if llr >= self.threshold else "spoof",
            seconds=len(sound.wave) / SAMPLE_RATE,
            windows=tuple(self._windows(sound)) if windows else (),
            prior=self.prior,
            threshold=self.threshold,
            rate=sound.rate,
            channels=sound.channels,
        )

    def _windows(self, sound):
        length = round(self.system.seconds * SAMPLE_RATE)
        starts = window_starts(len(sound.wave), length)
        for first in range(0, len(starts) if len(starts) > 1 else 0, CHUNK_SOUNDS):
            some = starts[first : first + CHUNK_SOUNDS]
            pieces = [
                Sound(f"{sound.name}@{start}", sound.wave[start : start + length], sound.place)
                for start in some
            ]
            for start, llr in zip(some, self._llrs(pieces), strict=True):
                end = (start + length) / SAMPLE_RATE
                known = None if isinstance(llr, UserError) else llr
                yield Window(start / SAMPLE_RATE, end, known)


def _read(item):
    """The Sound of an item, or the UserError that says why there is none."""
    if isinstance(item, Sound):
        return item
    try:
        if isinstance(item, (str, PathLike)):
            return read_sound(str(item))
        if isinstance(item, tuple) and len(item) == 2:
            return given_sound(*item)
        raise UserError(
            f"found {type(item).__name__}, wanted a path, a pair (array, rate), or a list of these"
        )
    except UserError as error:
        return error


def _fits(sound, chunk):
    """Whether a chunk has room; in each, a name stands once."""
    others = [other for _, other in chunk if isinstance(other, Sound)]
    if not isinstance(sound, Sound) or not others:
        return len(chunk) < CHUNK_SOUNDS
    seconds = (sum(len(other.wave) for other in others) + len(sound.wave)) / SAMPLE_RATE
    room = len(chunk) < CHUNK_SOUNDS and seconds <= CHUNK_SECONDS
    return room and sound.name not in {other.name for other in others}


def _placed(error, sound):
    """The error with the place of the sound, which an upstream does not know."""
    text = str(error)
    return error if text.startswith(sound.place) else UserError(f"{sound.place}: {text}")
