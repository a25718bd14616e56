"""What both readers give: rows, and how their words become ids, classes and factors."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError

Row = dict[str, str]
Place = tuple[Path, int]  # file and line; line 0: the file itself

LABELS = {"bonafide": "bonafide", "spoof": "spoof"}
SUFFIXES = (".flac", ".wav", ".mp3", ".m4a", ".mp4", ".ogg", ".opus", ".aac", ".dat")
NOT_IN_A_KEY = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
OWN = ("utt", "label", "speaker", "attack", "seconds")  # columns that are no factors
UNKNOWN = "unknown"  # the attack of spoofed speech where nobody says which


def key_of(text: str) -> str:
    """A word of a table's first column: blanks become _, the folders of a path are joined by -."""
    if text.isidentifier():  # as most are: letters, digits and _
        return text
    return NOT_IN_A_KEY.sub("_", text.replace("/", "-"))


def at(place: Place) -> str:
    """`file:line` for a message."""
    return f"{place[0]}:{place[1]}" if place[1] else str(place[0])


def look_up(table: Mapping[str, Any], word: str, column: str, place: Place) -> Any:
    """What an explicit table says of a word. Raises UserError for one that it lacks."""
    try:
        return table[word]
    except KeyError:
        known = ", ".join(f"'{name}'" for name in table)
        raise UserError(f"{at(place)}: found the {column} '{word}', wanted {known}") from None


def attack_of(row: Row, label: str, no_attack: tuple[str, ...], place: Place) -> str:
    """The attack of a row, - for bona fide. Raises UserError where it does not fit the class."""
    word = row.get("attack")
    if word is None:
        return "-" if label == "bonafide" else UNKNOWN
    if label == "bonafide":
        if word not in no_attack:
            raise UserError(
                f"{at(place)}: found bona fide speech with the attack '{word}', wanted "
                f"{' or '.join(no_attack)}; is this the list of another corpus?"
            )
        return "-"
    if word in no_attack or not word:
        raise UserError(f"{at(place)}: found spoofed speech without an attack, '{word}'")
    return word.replace(" ", "_")
