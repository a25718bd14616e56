"""What a training set and a test set have in common, and what is known of such pairs elsewhere.

A test is fair where the model has met neither its utterances nor their speakers.
"""

import contextlib
import fnmatch
import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .. import CONVERSIONS
from ..data.audio import read_wave
from ..data.data_dir import Tables, read_data_dir
from ..data.json_files import read_json, write_json
from ..errors import UserError
from ..files import sha256_file
from .audit import shared

EXAMPLES = 3
AT_ONCE = 64  # sounds that a process is given at a time
KEYS = {"models", "sets", "why", "source"}


def overlaps(
    pairs: Iterable[tuple[Path, Path]],
    kept: Path | None,
    progress: Callable | None = None,
    nj: int = 1,
) -> dict[tuple[Path, Path], dict[str, Any]]:
    """{(training set, test set): {speakers, ids, sounds: {count, examples}}} of data directories.

    kept: a folder of digests of sounds, which are made where they are not there; None: sounds are
    not compared, and `sounds` is left out. progress: as for `audit`; nj: processes that decode.
    """
    pairs = list(dict.fromkeys(pairs))
    tables = {folder: read_data_dir(folder) for folder in dict.fromkeys(sum(pairs, ()))}
    digests: dict[Path, dict[str, str]] = {folder: {} for folder in tables}
    if kept:
        digests = {
            folder: _kept_digests(folder, own, kept, progress, nj) for folder, own in tables.items()
        }
    result = {}
    for train, test in pairs:
        common = shared(tables[train], tables[test], digests[train], digests[test])
        whats = ("speakers", "ids", *(["sounds"] if kept else []))
        result[train, test] = {
            what: {"count": len(common[what]), "examples": common[what][:EXAMPLES]}
            for what in whats
        }
    return result


def doubtful(common: Mapping[tuple[Path, Path], dict[str, Any]]) -> list[str]:
    """What to say of pairs of `overlaps` in which speakers of two corpora have one name."""
    lines = []
    for pair, found in common.items():
        recipes, names = {path.absolute().parents[1].name for path in pair}, found["speakers"]
        if len(recipes) > 1 and names["count"]:
            one, two = (f"{path.absolute().parents[1].name}/{path.name}" for path in pair)
            lines.append(
                f"{one} and {two} are of two corpora: speakers of one name, as "
                f"{names['examples'][0]}, may be two people"
            )
    return lines


def _kept_digests(folder, tables, kept, progress, nj):
    """{utterance: SHA-256 of its samples}, from `kept` where its wav.scp is still the same."""
    path = folder.resolve()
    place = kept / f"{path.parent.parent.name}_{path.name}.json"
    stamp = f"{path} {sha256_file(folder / 'wav.scp')}"
    if place.is_file():
        found = read_json(place, {"of": str, "sounds": dict})
        if found["of"] == stamp:
            return found["sounds"]
    title = f"sounds of {path.parent.parent.name}/{path.name}"
    sounds = digests_of(tables, progress, title, nj)
    write_json(place, {"of": stamp, "sounds": sounds})
    return sounds


def digests_of(
    tables: Tables, progress: Callable | None = None, title: str = "", nj: int = 1
) -> dict[str, str]:
    """{utterance: SHA-256 of its samples, as one channel of 16 kHz}, decoded by `nj` processes."""
    wavs = tables["wav.scp"]
    shown = progress and progress(len(wavs), "utterances", title)
    digests = {}
    processes = min(nj, -(-len(wavs) // AT_ONCE))
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(multiprocessing.Pool(processes)) if processes > 1 else None
        found = pool.imap(_digest, wavs.items(), AT_ONCE) if pool else map(_digest, wavs.items())
        for utt, digest in zip(wavs, found, strict=True):
            digests[utt] = digest
            if shown:
                shown.advance()
    if shown:
        shown.close()
    return digests


def _digest(item):
    utt, path = item
    return hashlib.sha256(read_wave(path, utt, CONVERSIONS).tobytes()).hexdigest()


def read_known(path: str | Path) -> list[dict[str, str]]:
    """Entries {models, sets, why, source} of a YAML list: pairs that are no fair test.

    `models` and `sets` are patterns, in the manner of a shell, of `<recipe>/<name>`. Raises
    UserError for anything else.
    """
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(entries, list):
        raise UserError(f"{path}: found no list, wanted entries of {', '.join(sorted(KEYS))}")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or entry.keys() != KEYS:
            raise UserError(f"{path}: entry {number}: wanted {', '.join(sorted(KEYS))}, each once")
        if wrong := next((key for key in sorted(KEYS) if not isinstance(entry[key], str)), None):
            raise UserError(f"{path}: entry {number}: {wrong}: wanted text")
    return entries


def known_of(entries: Iterable[dict[str, str]], names: Iterable[str], set_name: str) -> list[str]:
    """Why a model, by any of its `names`, is no fair test on a set: `why (source)` of each."""
    names = list(names)
    return [
        f"{entry['why']} ({entry['source']})"
        for entry in entries
        if fnmatch.fnmatchcase(set_name, entry["sets"])
        and any(fnmatch.fnmatchcase(name, entry["models"]) for name in names)
    ]
