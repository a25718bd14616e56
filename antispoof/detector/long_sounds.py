"""Sounds of any form and length: short ones whole, long ones piece by piece in bounded memory.

A long sound is read once to count it, and once for all systems that read the same windows of it.
A system whose config crops it, or cuts it into windows, gives the score of the recipe. One that
reads the whole sound, or features of the whole sound, has no room for hours: its score is the mean
over windows as long as its crop.
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
from ..systems.shared import BATCH
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
        if not Path(path).exists():
            raise UserError(f"{place}: no such file; wanted a sound file or a folder of such")
        if Path(path).is_dir():
            raise UserError(f"{place}: no such file, but a folder; wanted a sound file")
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

    Of a `Mapped` it is the LLR. Systems that read the same windows read them together, and what
    they compute alike of these is computed once.
    """
    groups: dict[tuple[tuple[int, int], ...], dict[System, Means]] = {}
    means: dict[System, Means] = {}
    for own in dict.fromkeys(_systems_of(system)):
        spans, exact = _spans(own, sound)
        means[own] = groups.setdefault(tuple(spans), {})[own] = Means(exact)
    for spans, group in groups.items():
        for pieces in _some(sound.pieces(list(spans))):
            with BATCH.open():
                for own, mean in group.items():
                    mean.add(_scores(own, pieces))
    words = dict.fromkeys(word for mean in means.values() for word in mean.words())
    return _score(system, means, sound), tuple(words)


class Means:
    """The mean of what windows score by one system. Args: exact: whether it is the recipe's."""

    def __init__(self, exact: bool) -> None:
        self.exact, self.total, self.count = exact, 0.0, 0
        self.refused: list[UserError] = []

    def add(self, scores: list[float | UserError]) -> None:
        """Count the scores of more windows, or why they have none."""
        for score in scores:
            if isinstance(score, UserError):
                self.refused.append(score)
            else:
                self.total, self.count = self.total + score, self.count + 1

    def words(self) -> Iterator[str]:
        """Why the mean is not the score of the recipe, which refuses no window."""
        if not self.exact:
            yield MEANS
        if refused := len(self.refused):
            windows = f"{refused} of {refused + self.count} windows"
            yield f"left out: {windows} cannot be scored; its LLR is of the others"

    def mean(self, sound: LongSound) -> float:
        """Raises UserError where no window has a score."""
        if not self.count:
            nothing = UserError(f"{sound.place}: holds nothing that can be scored")
            raise self.refused[0] if self.refused else nothing
        return self.total / self.count


def _systems_of(system) -> Iterator[System]:
    """The systems of a fusion, and of fusions in it."""
    if not isinstance(system, Mapped):
        yield system
        return
    for own in system.systems:
        yield from _systems_of(own)


def _score(system, means, sound) -> float:
    """The score of a system by the means of its own, or of those it is made of."""
    if not isinstance(system, Mapped):
        return means[system].mean(sound)
    scores = np.array([[_score(own, means, sound) for own in system.systems]])
    return float(system.mapping(scores)[0])


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
