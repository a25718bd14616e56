"""A folder of one's own: a list metadata.csv, or folders named after the classes."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .corpus import Reader, Set
from .folders import Folders
from .places import Missing, explain
from .protocol import Protocol, lines_of
from .rows import LABELS, UNKNOWN, Row

LIST = "metadata.csv"
COLUMNS = {"path": "utt", "label": "label", "set": "_set", "speaker": "speaker", "attack": "attack"}
NEEDED = ("path", "label")
WORDS = {
    **LABELS,
    **dict.fromkeys(("bona-fide", "real", "genuine", "human"), "bonafide"),
    "fake": "spoof",
}
DRAWN = ("train", "train", "train", "dev", "eval")  # of five speakers, where nobody says


def own_sets(root: Path, names: Mapping[str, str], allow: Sequence[str] = ()) -> dict[str, Set]:
    """{data directory: Set} of the folder `root`.

    names {word: data directory}: the sets that its list, or its folders, may name. Either
    root/metadata.csv has a header with `path` and `label`, and, where they are known, `set`,
    `speaker` and `attack`; or there are folders [set/]<class>/[attack/]. Without sets, each
    speaker, or sound where those are not known, is drawn for train, dev or eval by the SHA-256 of
    its name. Raises UserError where the folder has neither, or names another set.
    """
    listed = (root / LIST).is_file()
    readers = _by_list(root / LIST, names) if listed else _by_folder(root, names)
    return {name: Set(reader, allow=allow) for name, reader in readers.items()}


def _by_list(path: Path, names) -> dict[str, Reader]:
    lines = lines_of(path, ",")
    header = next(lines, (0, []))[1]
    sets: Sequence[str] = ()
    if "set" in header:
        place = header.index("set")
        said = [(number, (words[place:] or [""])[0]) for number, words in lines]
        if wrong := next(((number, word) for number, word in said if word not in names), None):
            raise UserError(
                f"{path}:{wrong[0]}: found the set '{wrong[1]}', wanted {', '.join(names)}"
            )
        sets = [names[word] for _, word in said]
    columns = {ours: own for own, ours in COLUMNS.items() if own in header or own in NEEDED}

    def edit(row: Row) -> None:
        row["_set"] = names[row["_set"]] if "_set" in row else _drawn(row)
        if WORDS.get(row["label"]) == "spoof" and "attack" in row:
            row["attack"] = row["attack"] or UNKNOWN

    return {
        name: Protocol(LIST, columns, WORDS, path="{utt}.*", sep=",", where={"_set": name},
                       edit=edit, no_attack=("", "-", "bonafide"))
        for name in dict.fromkeys(sets or DRAWN)
    }  # fmt: skip


def _by_folder(root, names) -> dict[str, Reader]:
    sets = {name: word for word, name in names.items() if (root / word).is_dir()}
    classes = [word for word in WORDS if (root / word).is_dir()]
    if sets and classes:
        raise UserError(
            f"{root}: found folders of sets and of classes, "
            f"{', '.join([*sets.values(), *classes])}; wanted one kind: <set>/<class>/, or <class>/"
        )
    if sets:
        return {
            name: Folders(
                f"{word}/{{label}}/**/{{stem}}",
                WORDS,
                edit=_attack,
                fixed={"_set": name, "_word": word},
            )
            for name, word in sets.items()
        }
    if not classes:
        raise Missing(explain(root, [LIST, *names, *WORDS]))
    return {
        name: Folders("{label}/**/{stem}", WORDS, edit=_attack, where={"_set": name})
        for name in dict.fromkeys(DRAWN)
    }


def _attack(row: Row) -> None:
    """The attack of a spoof is the folder below its class, where there is one."""
    parts = row["utt"].split("/")
    spoof = WORDS.get(row["label"]) == "spoof"
    row["attack"] = (parts[1] if len(parts) > 2 else UNKNOWN) if spoof else "-"
    row.setdefault("_set", _drawn(row))
    if "_word" in row:  # the same name may stand in each set
        row["utt"] = f"{row['_word']}/{row['utt']}"


def _drawn(row):
    """train, dev or eval: by the speaker, or else by the sound."""
    word = row.get("speaker", "-")
    word = row["utt"] if word in ("", "-") else word
    return DRAWN[hashlib.sha256(word.encode()).digest()[0] * len(DRAWN) // 256]
