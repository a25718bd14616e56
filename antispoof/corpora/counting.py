"""Found against expected: what is said of a set, and what is wrong with it."""

from pathlib import Path

from .columns import Columns
from .corpus import Count, Set
from .places import elsewhere

SHOWN = 3  # missing sounds that a message names


def shown(found: tuple[int, int], wanted: Count) -> str:
    """`bona fide 12 / 12, spoof 30 / 31`: found / expected."""
    if isinstance(wanted, tuple):
        words = [str(found[n]) + (f" / {w}" if w is not None else "") for n, w in enumerate(wanted)]
        lacking = [c for c, w in zip(("bona fide", "spoof"), wanted, strict=True) if w is None]
        unknown = f" (how many {lacking[0]} are expected is not known)" if lacking else ""
        return f"bona fide {words[0]}, spoof {words[1]}{unknown}"
    unknown = "" if wanted else " (how many are expected is not known)"
    total = f", together {sum(found)} / {wanted}" if wanted else ""
    return f"bona fide {found[0]}, spoof {found[1]}{total}{unknown}"


def fits(found: tuple[int, int], wanted: Count) -> bool:
    """Whether it is what is expected, as far as that is known."""
    if isinstance(wanted, tuple):
        return all(w is None or f == w for f, w in zip(found, wanted, strict=True))
    return wanted is None or sum(found) == wanted


def members(one: Set, columns: Columns) -> dict[str, list[int]]:
    """{list of trials: indices of its utterances}, of those lists that have any."""
    if not one.lists:
        return {}
    found: dict[str, list[int]] = {name: [] for name in one.lists.counts}
    for index, word in enumerate(columns.factors.get(one.lists.column, [])):
        found[word].append(index)
    return {name: indices for name, indices in found.items() if indices}


def summary(one: Set, columns: Columns) -> str:
    """What was found of what was expected, of the set and each of its lists of trials."""
    parts = [shown(*trials(one, columns))]
    for name, indices in members(one, columns).items():
        assert one.lists
        parts.append(f"{name}: {shown(columns.counts(indices), one.lists.counts[name])}")
    return "; ".join(parts)


def trials(one: Set, columns: Columns) -> tuple[tuple[int, int], Count]:
    """(found, expected) of the trials of a set, which are segments where sounds are cut."""
    return columns.counts(), one.segment_counts if one.segments else one.counts


def problems(name: str, one: Set, columns: Columns, root: Path) -> list[str]:
    """What is wrong with a set of the corpus `root`: sounds that are missing, other counts."""
    found = [f"{name}: no folder {folder}; unpack it there" for folder in columns.lacking]
    if columns.missing:
        found.append(f"{name}: {_missing(one, columns)}{_moved(one, columns, root)}")
    listed = columns.listed["bonafide"], columns.listed["spoof"]
    if not fits(listed, one.counts):
        found.append(f"{name}: its list has {shown(listed, one.counts)} (found / expected)")
    elif one.segments and not columns.missing and not fits(*trials(one, columns)):
        found.append(f"{name}: segments: {shown(*trials(one, columns))} (found / expected)")
    elif not columns.missing and one.lists:
        for words, indices in members(one, columns).items():
            counts, wanted = columns.counts(indices), one.lists.counts[words]
            if not fits(counts, wanted):
                found.append(f"{name}: {words} has {shown(counts, wanted)} (found / expected)")
    return found


def _missing(one, columns):
    """Which sounds are not there, and which of the archives that may be."""
    there, lost = len(columns.keys), len(columns.missing)
    places = list(columns.missing.values())
    more = f" and {lost - SHOWN} more" if lost > SHOWN else ""
    text = f"found {there} / expected {there + lost} sounds; no {', '.join(places[:SHOWN])}{more}"
    return f"{text}{_archives(one, columns)}"


def _moved(one, columns, root):
    """Where folders of sounds are, of which there are none in `root`."""
    readers = [[r.folders] if isinstance(r.folders, str) else r.folders for r in one.each_reader()]
    folders = [folder for own in readers for folder in own if folder != "."]
    if columns.keys or not folders or any((root / folder).exists() for folder in folders):
        return ""
    other = elsewhere(root, folders)
    is_in = f", which is in {other}: put lists and sounds into one place" if other else ""
    return f"; there is no {' or '.join(folders)}{is_in}"


def _archives(one, columns):
    """What each archive that the sounds come in has brought, where folders or counts say it."""
    if not one.archives:
        return ""
    found: dict[str, int] = {}
    for folder, names in columns.sounds.listed.items():
        for archive in one.archives:
            if archive in Path(folder).parts:
                found[archive] = found.get(archive, 0) + len(names)
    if any(found.values()):
        parts = [
            f"{archive} {found[archive]} / {wanted}"
            if found.get(archive)
            else f"{archive} is not there, 0 / {wanted}"
            for archive, wanted in one.archives.items()
        ]
        return f"; files by archive, found / expected: {', '.join(parts)}"
    there = len(columns.keys)
    same = [archive for archive, count in one.archives.items() if count == there]
    guess = f"; as many as {' or '.join(same)} alone" if same else ""
    parts = [f"{archive} {count}" for archive, count in one.archives.items()]
    return f"{guess}; the archives hold {', '.join(parts)}: is one not unpacked?"


def remarks(columns: Columns) -> list[str]:
    """What else is said of a set: files and rows that were left out."""
    lines = [f"{count} rows '{word}' left out" for word, count in sorted(columns.left_out.items())]
    count, first = columns.sounds.extra()
    if count:
        lines.append(f"{count} files that no list names left out, as {first}")
    return lines
