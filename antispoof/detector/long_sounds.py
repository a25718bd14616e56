"""Sounds of any form and length: short ones whole, long ones piece by piece in bounded memory.

A long sound is read once to count it, and once for each system. A system whose config crops it, or
cuts it into windows, gives the score of the recipe. One that reads the whole sound, or features of
the whole sound, has no room for hours: its score is the mean over windows as long as its crop.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..data.audio import REFUSALS, require_file
from ..data.containers import TooLong, container_of
from ..data.crop import crop, window_starts
from ..data.seeds import generator, window_generator
from ..data.sounds import Sound, read_sound
from ..errors import UserError, explain_os_error
from ..systems.system import Mapped, System
from .heard import Heard
from .pieces import blocks_of, excerpts, kind_of, mono

LONG = 600.0  # seconds; what lasts longer is read in pieces
LARGE = 1 << 28  # bytes; a container of more is read in pieces, whatever its header says
MEANS = "too long to be read whole: its LLR is the mean over windows"
PIECES = 64  # that are scored at once


class LongSound(NamedTuple):
    """A sound file that is never whole in memory. `heard` counts all of it."""

    name: str
    place: str
    rate: int
    channels: int
    heard: Heard

    @property
    def samples(self) -> int:
        """How many there are at 16 kHz."""
        return self.heard.samples

    def pieces(self, spans: list[tuple[int, int]]) -> Iterator[Sound]:
        """Each span (start, stop) of its samples, in order of their starts. Raises UserError."""
        form, blocks = blocks_of(self.place, self.name)
        waves = excerpts(mono(blocks, form.rate, self.place), spans)
        for (start, _), wave in zip(spans, waves, strict=True):
            yield Sound(f"{self.name}@{start}", wave, self.place)


def open_sound(path: str | Path) -> Sound | LongSound:
    """The sound file at `path`, of any form that libsndfile or FFmpeg reads. Raises UserError."""
    place, name = str(path), Path(path).stem
    try:
        require_file(place, name)
        if not _in_pieces(place, name):
            with contextlib.suppress(TooLong):  # its header says less than it holds, or nothing
                return read_sound(path, LONG)
        return _read_in_pieces(place, name)
    except OSError as error:
        raise UserError(explain_os_error(error)) from None


def _in_pieces(place, name):
    """Whether a file is long by its header, or of a form that a recipe does not read."""
    if container_of(place):
        if Path(place).stat().st_size > LARGE:
            return True
        form, blocks = blocks_of(place, name)
        blocks.close()
        return form.seconds > LONG
    try:
        form = soundfile.info(place)
    except REFUSALS:
        return kind_of(place) is not None
    return form.frames > LONG * form.samplerate


def _read_in_pieces(place, name):
    form, blocks = blocks_of(place, name)
    counts, held = Heard(), []
    for block in mono(blocks, form.rate, place):
        counts.add(block)
        if counts.samples <= LONG * SAMPLE_RATE:
            held.append(block)
        else:
            held = []
    if not counts.samples:
        raise UserError(f"{place}: {name}: holds no sample, wanted a sound")
    if held:
        return Sound(name, np.concatenate(held), place, form.rate, form.channels)
    return LongSound(name, place, form.rate, form.channels, counts)


def score_long(system: Mapped | System, sound: LongSound) -> tuple[float, tuple[str, ...]]:
    """(the score of a long sound, in words why it is not that of the recipe). Raises UserError.

    Of a `Mapped` it is the LLR.
    """
    if isinstance(system, Mapped):
        found = [score_long(one, sound) for one in system.systems]
        scores = np.array([[score for score, _ in found]])
        words = dict.fromkeys(word for _, own in found for word in own)
        return float(system.mapping(scores)[0]), tuple(words)
    spans, exact = _spans(system, sound)
    total, count, refused = 0.0, 0, []
    for pieces in _some(sound.pieces(spans)):
        for score in _scores(system, pieces):
            if isinstance(score, UserError):
                refused.append(score)
            else:
                total, count = total + score, count + 1
    if not count:
        nothing = UserError(f"{sound.place}: holds nothing that can be scored")
        raise refused[0] if refused else nothing
    return total / count, tuple(_inexact(exact, len(refused), len(spans)))


def _inexact(exact, refused, count):
    """Why the mean of the scores of pieces is not the score of the recipe, which refuses none."""
    if not exact:
        yield MEANS
    if refused:
        yield f"left out: {refused} of {count} windows cannot be scored; its LLR is of the others"


def _spans(system, sound):
    """(what a system reads of a long sound, whether the mean of its scores is the recipe's)."""
    rule, length = system.config["crop"], round(system.seconds * SAMPLE_RATE)
    if system.upstream is not None:
        window = system.upstream.config["window"]
        if window["policy"] != "full":
            rng = window_generator(sound.name, 0)
            return [crop(sound.samples, window["samples"], window["policy"], rng)], True
    elif rule["test"] not in ("full", "windows"):
        rng = generator(system.config["seed"], 0, sound.name)
        return [crop(sound.samples, length, rule["test"], rng)], True
    starts = window_starts(sound.samples, length)
    exact = system.upstream is None and rule["test"] == "windows"
    return [(start, min(start + length, sound.samples)) for start in starts], exact


def _some(pieces):
    """Lists of at most PIECES."""
    held = []
    for piece in pieces:
        held.append(piece)
        if len(held) == PIECES:
            yield held
            held = []
    if held:
        yield held


def _scores(system, pieces):
    """The score of each, or why there is none."""
    try:
        return system.scores(pieces).tolist()
    except UserError as error:
        return [error] if len(pieces) == 1 else [_scores(system, [one])[0] for one in pieces]
