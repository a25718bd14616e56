"""The utterances of one set, as columns: what rows of a list or of folders come to."""

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from .corpus import Lists, Reader, Set
from .places import Missing, Sounds
from .rows import OWN, Place, at, attack_of, key_of, look_up

TAKEN = ("spk", "dur", "id")  # names of tables that no factor may have


@dataclass
class Columns:
    """Lists side by side, one entry an utterance."""

    keys: list[str] = field(default_factory=list)  # ids in our tables
    ids: list[str] = field(default_factory=list)  # as the corpus has them
    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    attacks: list[str] = field(default_factory=list)
    seconds: list[str] = field(default_factory=list)  # empty where the list does not say
    factors: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # {id: path that is not there}
    lacking: list[str] = field(default_factory=list)  # folders that are not there
    left_out: Counter = field(default_factory=Counter)  # {word: rows}
    listed: Counter = field(default_factory=Counter)  # {label: rows}, also of missing sounds
    sounds: Sounds = field(default_factory=Sounds)

    def keep(self, chosen: list[int]) -> None:
        """Keep to the entries with these indices, in their order."""
        for name in ("keys", "ids", "paths", "labels", "speakers", "attacks", "seconds"):
            column = getattr(self, name)
            setattr(self, name, [column[index] for index in chosen] if column else column)
        for name, column in self.factors.items():
            self.factors[name] = [column[index] for index in chosen]

    def counts(self, of: list[int] | None = None) -> tuple[int, int]:
        """(bona fide, spoof) of all entries, or of those with these indices."""
        labels = self.labels if of is None else [self.labels[index] for index in of]
        bonafide = labels.count("bonafide")
        return bonafide, len(labels) - bonafide


def collect(one: Set, root: Path, hints: Mapping[str, str] = {}) -> Columns:
    """The utterances of a set, in the order of their ids.

    Raises UserError for a word that no table has, an id that stands there twice, speech whose
    attack does not fit its class, and where a list is missing.
    """
    columns, seen = Columns(), (set[str](), set[str]())
    for reader in one.each_reader():
        _read(reader, one.lists, root, hints, columns, seen)
    if not columns.listed:
        places = [str(path) for reader in one.each_reader() for path in reader.files(root, hints)]
        raise Missing(f"{', '.join(places) or root}: found no utterance; wanted at least one")
    columns.keep(sorted(range(len(columns.keys)), key=columns.keys.__getitem__))
    return columns


def _read(reader: Reader, lists: Lists | None, root, hints, columns, seen):
    """Add the rows of one reader."""
    folders = [reader.folders] if isinstance(reader.folders, str) else reader.folders
    folders = [str(root.absolute() / folder) if folder != "." else str(root.absolute())
               for folder in folders]  # fmt: skip
    factors = None
    columns.lacking += reader.lacking(root)
    for place, row in reader.rows(root, hints):
        if reader.edit:
            reader.edit(row)
        for name, table in reader.words.items():
            row[name] = look_up(table, row[name], name, place)
        if reader.where and any(row[name] != word for name, word in reader.where.items()):
            continue
        label = look_up(reader.labels, row["label"], "label", place)
        if label is None:
            columns.left_out[row["label"]] += 1
            continue
        if factors is None:
            factors = _factors(reader, row, place, columns)
        if lists:
            look_up(lists.counts, row[lists.column] or "-", lists.column, place)
        _add(reader, row, label, folders, place, columns, seen, factors)


def _factors(reader, row, place, columns):
    """[(its list, its name in rows of a reader, if they have it)] of each factor.

    A new one is - for all rows before. Raises UserError where `path` names a column that is not
    there, or a factor has the name of another table.
    """
    try:
        reader.path.format_map(row)
    except KeyError as error:
        raise UserError(
            f"{at(place)}: found the columns {', '.join(row)}, wanted {error} of the path "
            f"{reader.path}"
        ) from None
    names = [name for name in row if name not in OWN and not name.startswith("_")]
    if taken := next((name for name in names if name in TAKEN), None):
        raise UserError(f"{at(place)}: utt2{taken} is no factor; wanted another name, or _{taken}")
    for name in names:
        columns.factors.setdefault(name, ["-"] * len(columns.keys))
    return [(own, name if name in names else None) for name, own in columns.factors.items()]


def _add(reader, row, label, folders, place: Place, columns, seen, factors):
    """Add one row, or note that its sound is missing."""
    attack = attack_of(row, label, reader.no_attack, place)
    speaker = key_of(row.get("speaker") or "-")
    utt = row["utt"]
    key = key_of(utt) if speaker == "-" else f"{speaker}-{key_of(utt)}"
    if key in seen[0] or utt in seen[1]:
        raise UserError(f"{at(place)}: '{utt}' stands here a second time; wanted each once")
    seen[0].add(key)
    seen[1].add(utt)
    columns.listed[label] += 1
    wanted = reader.path.format_map(row)
    path = columns.sounds.locate(folders, wanted)
    if path is None:
        place = next((f for f in folders if columns.sounds.names(f)), folders[0])
        columns.missing[key] = f"{place}/{wanted}"
        return
    columns.keys.append(key)
    columns.ids.append(utt)
    columns.paths.append(path)
    columns.labels.append(label)
    columns.speakers.append(sys.intern(speaker))
    columns.attacks.append(sys.intern(attack))
    columns.seconds.append(row.get("seconds", ""))
    for own, name in factors:
        own.append(sys.intern(row[name] or "-") if name else "-")
