"""PROVENANCE of a data directory: which set of which corpus its speech is.

Its lines are `key: value`. A part of a set, or its augmented copy, keeps them under another name.
"""

from pathlib import Path

from ..files import atomic_open

NAME = "PROVENANCE"


def origin_of(data_dir: str | Path) -> tuple[str, str]:
    """(corpus, set) as the corpus's own preparation named them; ("", "") where nothing says it.

    Of an earlier version, whose PROVENANCE does not name the set, it is the folder's name.
    """
    path = Path(data_dir) / NAME
    if not path.is_file():
        return "", ""
    found: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        key, _, value = line.partition(": ")
        found.setdefault(key, value)
    return found.get("corpus", ""), found.get("set", Path(data_dir).resolve().name)


def carry_provenance(in_dir: str | Path, out_dir: str | Path) -> None:
    """Write PROVENANCE of `out_dir`, whose speech is that of `in_dir` or a part; none has none."""
    corpus, name = origin_of(in_dir)
    if not corpus:
        return
    lines = (Path(in_dir) / NAME).read_text("utf-8").splitlines()
    if f"set: {name}" not in lines:
        lines.append(f"set: {name}")
    lines.append(f"made of: {Path(in_dir).resolve().name}")
    with atomic_open(Path(out_dir) / NAME) as stream:
        stream.writelines(f"{line}\n" for line in lines)
