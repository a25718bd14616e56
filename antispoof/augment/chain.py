"""A chain of augmentations, declared in YAML, with every draw in a record.

    augment:
      - rawboost: {algo: 3}
      - noise: {folder: musan, under: [noise, music], snr: [5, 20], p: 0.9}
      - codec: {of: {mp3: [16, 32], alaw: []}, p: 0.5}
      - group: {of: [{noise: {p: 0.9}}, {filter: {p: 0.9}}], p: 0.3}

Each link is applied in its turn with probability `p`, 1 where nothing is said. Its other keys, with
their defaults, are the fields of its class.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config import one_of
from ..data.seeds import generator
from ..errors import UserError
from .codecs import Codec
from .rawboost import RawBoost
from .recordings import Noise, Reverb
from .waveform import Filter, MuLaw, Speed, TimeMask, Trim


@dataclasses.dataclass(frozen=True)
class Group:
    """Links that come together, or not at all: one chance, drawn once, stands before theirs."""

    of: tuple = ()


AUGMENTATIONS = {
    "rawboost": RawBoost,
    "time_mask": TimeMask,
    "mu_law": MuLaw,
    "trim": Trim,
    "speed": Speed,
    "filter": Filter,
    "noise": Noise,
    "reverb": Reverb,
    "codec": Codec,
    "group": Group,
}
SHIFTING = ("speed", "trim")  # after which a second of the sound is another one
SHOWN = 32  # numbers of a draw beyond which a log gives their count


class Chain:
    """What a list like that above declares. Raises UserError for what it cannot be.

    place: the file that declares it, and key: under which name, for errors.
    """

    def __init__(
        self, declared: Iterable[Any], place: str | Path = "config", key: str = "augment"
    ) -> None:
        self.links = [_link(entry, place, f"{key}[{n}]") for n, entry in enumerate(declared)]

    def __call__(
        self, wave: np.ndarray, utt: str, *key: object
    ) -> tuple[np.ndarray, list[tuple[str, dict[str, Any]]]]:
        """(S,) float32 -> (S',) float32, and what was drawn: [(name, record)] of what was applied.

        `utt` and the words and numbers of `key` decide every draw. Raises UserError, naming `utt`,
        where nothing is left, what is left is not finite, or a codec fails.
        """
        drawn: list[tuple[str, dict[str, Any]]] = []
        wave = self._apply(wave, utt, generator("augment", *key, utt), drawn)
        return np.ascontiguousarray(wave, np.float32), drawn

    def _apply(self, wave, utt, rng, drawn):
        for name, p, link in self.links:
            if rng.random() >= p:
                continue
            if isinstance(link, Chain):
                wave = link._apply(wave, utt, rng, drawn)
                continue
            try:
                record = link.draw(rng, len(wave))
                wave = link.apply(wave, record)
            except UserError as error:
                raise UserError(f"{utt}: augmentation {name}: {error}") from None
            drawn.append((name, record))
            if not len(wave) or not np.isfinite(wave).all():
                raise UserError(f"{utt}: augmentation {name} leaves no sound: {loggable(drawn)}")
        return wave


def names_in(declared: Iterable[Any]) -> Iterator[str]:
    """The names of all links of a list like that above, also of those in groups."""
    for entry in declared:
        for name, conf in ({entry: {}} if isinstance(entry, str) else entry).items():
            yield name
            if name == "group" and isinstance(conf, dict):
                yield from names_in(conf.get("of", ()))


def _link(entry, place, key):
    """An entry of the list -> (name, p, augmentation)."""
    entry = {entry: {}} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or len(entry) != 1:
        raise UserError(f"{place}: '{key}' is {entry!r}, wanted one `name: {{settings}}`")
    ((name, conf),) = entry.items()
    one_of(place, key, name, tuple(AUGMENTATIONS))
    kind, conf = AUGMENTATIONS[name], {} if conf is None else conf
    if not isinstance(conf, dict):
        raise UserError(f"{place}: '{key}.{name}' is {conf!r}, wanted keys and values")
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    for setting, value in conf.items():
        one_of(place, f"{key}.{name}", setting, ("p", *fields))
        if setting != "p" and not _fits(fields[setting], value):
            raise UserError(f"{place}: '{key}.{name}.{setting}' is {value!r}, of another type")
    p = conf.get("p", 1.0)
    if type(p) not in (int, float) or not 0 <= p <= 1:
        raise UserError(f"{place}: '{key}.{name}.p' is {p!r}, wanted 0 to 1")
    if kind is Group:
        return name, p, Chain(conf.get("of", ()), place, f"{key}.{name}.of")
    try:
        return name, p, kind(**{k: v for k, v in conf.items() if k != "p"})
    except (ValueError, UserError) as error:
        raise UserError(f"{place}: '{key}.{name}': {error}") from None


def with_settings(declared: Iterable[Any]) -> list[dict[str, Any]]:
    """A list that `Chain` takes, with every setting of each link, and its `p`."""
    return [_with_settings(entry) for entry in declared]


def _with_settings(entry):
    ((name, conf),) = entry.items() if isinstance(entry, dict) else ((entry, None),)
    fields = dataclasses.fields(AUGMENTATIONS[name])
    known = {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    known = {key: list(v) if isinstance(v, tuple) else v for key, v in known.items()}
    conf = {"p": 1.0, **known, **(conf or {})}
    return {name: {**conf, "of": with_settings(conf["of"])} if name == "group" else conf}


def _fits(default, value):
    """Whether a setting's value is of its default's kind; a range or a list is a YAML list."""
    if isinstance(default, tuple):
        return isinstance(value, (list, tuple))
    if isinstance(default, float):
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is type(default) if isinstance(default, (int, str)) else True


def loggable(drawn: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What a chain drew, without what is longer than a line: [{"name": ..., ...}] for JSON."""
    return [{"name": name, **_short(record)} for name, record in drawn]


def _short(value):
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, (torch.Tensor, np.ndarray)):
        flat = value.flatten().tolist()
        return flat if len(flat) <= SHOWN else f"{len(flat)} numbers of the seed"
    return value
