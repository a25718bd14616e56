"""A detector for any sound: from a file or an array to an LLR, P(spoof) and a decision."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from ..data.crop import window_starts
from ..data.sounds import Sound, given_sound
from ..errors import UserError
from ..explain.occlusion import LONGEST, Explanation, explain, lowest
from ..metrics import COSTS, bayes_threshold
from ..scoring.batches import ahead
from ..scoring.novelty import words_of
from ..systems.system import Mapped, open_detector
from ..systems.where import timelines
from ..torch_utils.device import choose_device
from .heard import heard
from .long_sounds import LongSound, open_sound, score_long
from .raw import raw
from .result import Detection, Window

CHUNK_SECONDS, CHUNK_SOUNDS = 60.0, 64  # of sounds that are in memory at once, one at least


class Detector:
    """An experiment that scores sounds: `Detector.load("exp/fusion_seed1")("call.wav").llr`.

    Args: system: by `open_detector`; prior: of spoof, for P(spoof), by default as evaluation's
    costs; threshold: on the LLR, by default the one at which evaluation's costs at this prior
    decide. Of a system that is not calibrated, it is on the score, and by default none (NaN).
    """

    def __init__(
        self, system: Mapped, prior: float = COSTS["p_spoof"], threshold: float | None = None
    ) -> None:
        if not 0 < prior < 1:
            raise UserError(f"prior: found {prior}, wanted a number between 0 and 1")
        if threshold is not None and not math.isfinite(threshold):
            raise UserError(f"threshold: found {threshold}, wanted a number")
        if threshold is None:
            bayes = bayes_threshold(**{**COSTS, "p_spoof": prior})
            threshold = bayes if system.calibrated else math.nan
        self.system, self.prior, self.threshold = system, prior, threshold

    @classmethod
    def load(
        cls,
        place: str | Path,
        device: str = "auto",
        prior: float = COSTS["p_spoof"],
        threshold: float | None = None,
    ) -> "Detector":
        """What stands at `place`: the folder of a fusion or a system, or a pack of one.

        place: also hf://USER/NAME, a pack on Hugging Face's hub. A system without its
        calibration.json gives raw scores and no LLR.
        device: auto, cpu or cuda. Raises UserError.
        """
        return cls(open_detector(place, choose_device(device)), prior, threshold)

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

    def explain(self, x: Any, **options: Any) -> Explanation:
        """Why `x`, a path or a pair (array, rate), gets its LLR: see `explain.explain`.

        Of a sound that is longer than 12 s, its window of the lowest LLR is explained. Raises
        UserError.
        """
        sound, start = _read(x), 0.0
        if isinstance(sound, UserError):
            raise sound
        if sound.samples > LONGEST * SAMPLE_RATE:
            sound, start = lowest(sound, self._windows(sound))
        found = explain(self.system, sound, self.threshold, start=start, **options)
        lines = timelines(self.system, [sound])
        return replace(found, frames=lines[0]) if lines else found

    def each(
        self, items: Iterable[Any], windows: bool = True
    ) -> Iterator[tuple[Any, Detection | UserError]]:
        """Yield (item, its Detection, or the UserError that says why there is none), in order.

        Of any number of items, a chunk at a time is in memory.
        """
        chunk: list[tuple[Any, Sound | LongSound | UserError]] = []
        for item, sound in ahead((item, _read(item)) for item in items):
            if not _fits(sound, chunk):
                yield from self._detect(chunk, windows)
                chunk = []
            chunk.append((item, sound))
        yield from self._detect(chunk, windows)

    def _detect(self, chunk, windows):
        sounds = [sound for _, sound in chunk if isinstance(sound, Sound)]
        order = sorted(range(len(sounds)), key=lambda n: len(sounds[n].wave))  # little padding
        far = np.zeros(len(sounds))
        llrs = dict(zip(order, self._llrs([sounds[n] for n in order], far), strict=True))
        news = dict(zip(order, map(float, far), strict=True))
        lines, number = timelines(self.system, sounds), 0
        for item, sound in chunk:
            found = sound
            if isinstance(sound, Sound):
                verdict, warnings = heard(sound.wave).judged()
                warnings += words_of(news[number])
                found = self._result(sound, llrs[number], verdict, warnings, windows)
                if lines and isinstance(found, Detection):
                    found = replace(found, frames=lines[number])
                number += 1
            elif isinstance(sound, LongSound):
                found = self._long(sound, windows)
            yield item, found if self.system.calibrated else raw(found)

    def _long(self, sound, windows):
        """The Detection of a long sound, or the UserError that says why there is none."""
        verdict, warnings = sound.heard.judged()
        try:
            llr, words = score_long(self.system, sound)
        except UserError as error:
            return self._result(sound, _placed(error, sound), verdict, warnings, windows)
        try:
            return self._result(sound, llr, verdict, (*warnings, *words), windows)
        except UserError as error:  # of a file that went away
            return _placed(error, sound)

    def llr_of(self, sound: Sound) -> float | UserError:
        """The LLR of one sound, or why there is none."""
        return self._llrs([sound])[0]

    def _llrs(
        self, sounds: Sequence[Sound], far: np.ndarray | None = None
    ) -> list[float | UserError]:
        """The LLR of each, or why there is none; `far` takes its distance from the training set."""
        try:
            return list(map(float, self.system.scores(sounds, far))) if sounds else []
        except UserError as error:
            if len(sounds) == 1:
                return [_placed(error, sounds[0])]
            own = [None if far is None else far[n : n + 1] for n in range(len(sounds))]
            return [self._llrs([sound], one)[0] for sound, one in zip(sounds, own, strict=True)]

    def _result(self, sound, llr, verdict, warnings, windows):
        """The Detection; an LLR that is none stays an error, unless silence explains it."""
        if isinstance(llr, UserError):
            if verdict or not warnings[0].startswith("silent"):
                return llr
            llr, windows = math.nan, False
        odds = math.log((1 - self.prior) / self.prior)
        decision = "bonafide" if llr >= self.threshold else "spoof"
        return Detection(
            name=sound.place,
            llr=llr,
            p_spoof=1 / (1 + math.exp(min(max(llr + odds, -500.0), 500.0))),
            decision=decision if verdict else "none",
            seconds=sound.samples / SAMPLE_RATE,
            windows=tuple(self._windows(sound)) if windows else (),
            prior=self.prior,
            threshold=self.threshold,
            rate=sound.rate,
            channels=sound.channels,
            warnings=warnings,
        )

    def _windows(self, sound):
        length = round(self.system.seconds * SAMPLE_RATE)
        starts = window_starts(sound.samples, length)
        if len(starts) == 1:
            return
        pieces = sound.pieces([(start, start + length) for start in starts])
        while some := list(itertools.islice(pieces, CHUNK_SOUNDS)):
            for piece, llr in zip(some, self._llrs(some), strict=True):
                start = int(piece.name.rpartition("@")[2]) / SAMPLE_RATE
                known = None if isinstance(llr, UserError) else llr
                yield Window(start, start + length / SAMPLE_RATE, known)


def _read(item):
    """The Sound of an item, or the UserError that says why there is none."""
    if isinstance(item, Sound):
        return item
    try:
        if isinstance(item, (str, PathLike)):
            return open_sound(str(item))
        if isinstance(item, tuple) and len(item) == 2:
            return given_sound(*item)
        raise UserError(
            f"found {type(item).__name__}, wanted a path, a pair (array, rate), or a list of these"
        )
    except UserError as error:
        return error


def _fits(sound, chunk):
    """Whether a chunk has room; in each, a name stands once."""
    if isinstance(sound, LongSound):
        return not chunk
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
