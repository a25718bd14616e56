"""What a set draws of a population: speakers, attacks, sources, each enough to speak of others."""

from collections.abc import Mapping

import numpy as np

from ..metrics.crossed import FEWEST, Way, count_units
from .scores import Trials

TABLES = {"attack": "attacks", "source": "sources"}  # utt2<name>: in words


def ways_of(trials: Trials) -> tuple[dict[str, Way], dict[str, int]]:
    """({what is drawn, in words: its units}, {what has too few units to be drawn: how many}).

    Trials without a value, `-`, belong to no attack or source, but are each a speaker of their own.
    """
    found: dict[str, Way] = {}
    if (speakers := trials.speakers()) is not None:
        found["speakers"] = speakers
    for name, words in TABLES.items():
        if (index := units_of(trials, name)) is not None:
            found[words] = trials.split(index)
    return enough(found)


def units_of(trials: Trials, name: str) -> np.ndarray | None:
    """The unit of each trial by utt2<name> (N,), -1 for none; None where no table says it.

    A source that holds one trial, as where it is the file, is none.
    """
    if not (trials.data_dir / f"utt2{name}").is_file():
        return None
    names, index = trials.factor(name)
    if "-" in names:
        index = np.where(index == names.index("-"), -1, index)
    return index if name != "source" or len(names) <= len(index) // FEWEST else None


def enough(found: Mapping[str, Way]) -> tuple[dict[str, Way], dict[str, int]]:
    """Which have FEWEST units or more, and how many there are of the others, where there is one.

    In each class that has any: of 23 speakers, 22 of spoofs, one speaks for all bona fide speech.
    """
    counts = {words: min(_units_of_classes(way), default=0) for words, way in found.items()}
    drawn = {words: way for words, way in found.items() if counts[words] >= FEWEST}
    return drawn, {words: count for words, count in counts.items() if 0 < count < FEWEST}


def _units_of_classes(way):
    return [len(np.unique(part[part >= 0])) for part in way if (part >= 0).any()]


def units_text(ways: Mapping[str, Way], few: Mapping[str, int]) -> str:
    """How many units there are, and of what the set says nothing, in words."""
    text = " and ".join(_counted(words, way) for words, way in ways.items())
    alone = [
        f"these {count} {words}" if count > 1 else f"this one {words.removesuffix('s')}"
        for words, count in few.items()
    ]
    return text + "".join(f"; for {words} alone" for words in alone)


def _counted(words, way):
    """22 speakers (7 in one class): the smaller class limits what an interval says of others."""
    total, fewest = count_units(way), min(_units_of_classes(way))
    return f"{total} {words}{f' ({fewest} in one class)' * (fewest < total)}"
