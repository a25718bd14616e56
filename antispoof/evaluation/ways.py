"""What a set draws of a population: speakers, attacks, sources, each enough to speak of others."""

from collections.abc import Mapping

import numpy as np

from ..metrics.checks import Pair
from ..metrics.crossed import FEWEST, Way, count_units
from .scores import Trials

TABLES = {"attack": "attacks", "source": "sources"}  # utt2<name>: in words


def ways_of(trials: Trials) -> tuple[dict[str, Way], dict[str, str]]:
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


def enough(found: Mapping[str, Way]) -> tuple[dict[str, Way], dict[str, str]]:
    """Which have FEWEST units or more, and {words: how many, in words} of the others that have any.

    In each class that has any: of 23 speakers, 22 of spoofs, one speaks for all bona fide speech.
    """
    drawn = {words: way for words, way in found.items() if min(_by_class(way), default=0) >= FEWEST}
    few = {words: way for words, way in found.items() if _by_class(way) and words not in drawn}
    return drawn, {words: _counted(words, way) for words, way in few.items()}


def speakers_of_each(trials: Trials) -> Pair | None:
    """The speakers of trials, a pair of indices; None where a class has fewer than FEWEST."""
    speakers = trials.speakers()
    return speakers if speakers and min(_by_class(speakers), default=0) >= FEWEST else None


def _by_class(way):
    return [len(np.unique(part[part >= 0])) for part in way if (part >= 0).any()]


def _counted(words, way):
    """How many units there are; where classes differ, the smaller says what holds of others."""
    total, fewest = count_units(way), min(_by_class(way))
    text = f"{total} {words}" if total > 1 else f"one {words.removesuffix('s')}"
    return f"{text} ({fewest} in one class)" if fewest < total else text


def units_text(ways: Mapping[str, Way], few: Mapping[str, str]) -> str:
    """How many units there are, and of what the set says nothing, in words."""
    parts = [" and ".join(_counted(words, way) for words, way in ways.items())]
    parts += [
        f"for {'this' if 'one' in n.split()[:1] else 'these'} {n} alone" for n in few.values()
    ]
    return "; ".join(filter(None, parts))
