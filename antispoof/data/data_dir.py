"""The data directory: tables that hold the same utterances, and lists of trials."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import LABELS
from ..errors import UserError
from ..files import await_file
from .segments import NAME as SEGMENTS
from .segments import read_segments
from .tables import number_of, read_table, require_end, require_same_keys, write_table

Tables = dict[str, dict[str, str]]  # {"wav.scp": {utterance: value}, ...}
REPORTED = ("eval", "test")  # how the name of a set begins that is to be reported on
ALL = "all"  # the name of every trial together, where a list of trials can be named
REQUIRED = ("wav.scp", "utt2label", "utt2spk", "utt2attack", "utt2dur")


def refuse_reported(option: str, data_dir: str | Path) -> None:
    """Raise UserError where a set to learn from is, by its name or a link's, one to report on."""
    path = Path(data_dir)
    if any(name.startswith(REPORTED) for name in (path.name, path.resolve().name)):
        raise UserError(
            f"{option} {data_dir}: a set to report on selects nothing, and teaches nothing; wanted "
            "a training or development set"
        )


def factors(data_dir: str | Path) -> dict[str, Path]:
    """Names of the tables `utt2<factor>` in `data_dir`, sorted, as {factor: Path}."""
    return {path.name[4:]: path for path in sorted(Path(data_dir).glob("utt2*"))}


def read_data_dir(data_dir: str | Path) -> Tables:
    """Read every table of `data_dir` as {"wav.scp": {...}, "utt2label": {...}, ...}.

    Raises UserError where a required table is missing, two tables differ in their utterances, a
    label is neither of `LABELS`, bona fide has an attack or spoof has none, a path is a pipe,
    spk2utt, if there is one, is not utt2spk turned round, or segments, if there are any, are not
    those of the utterances and of their classes.
    """
    data_dir = Path(data_dir)
    await_file(data_dir)
    if not data_dir.is_dir():
        raise UserError(f"{data_dir}: no such data directory; run stage 1, or name another")
    for name in REQUIRED:
        await_file(data_dir / name)
        if not (data_dir / name).is_file():
            raise UserError(
                f"{data_dir / name}: is missing; the stage that prepares data writes it"
            )
    paths = [data_dir / "wav.scp", *factors(data_dir).values()]
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path}: is not a regular file; wanted a table")
    wavs = read_table(paths[0])
    tables = {paths[0].name: wavs, **{path.name: read_table(path, wavs) for path in paths[1:]}}
    for path in paths[1:]:
        require_same_keys(tables["wav.scp"], tables[path.name], paths[0], path)
    _check_values(data_dir, tables)
    _check_speakers(data_dir / "spk2utt", tables["utt2spk"])
    if (data_dir / SEGMENTS).exists():
        read_segments(data_dir, durations_of(tables["utt2dur"], data_dir), tables["utt2label"])
    return tables


def write_tables(data_dir: str | Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write tables {"utt2label": {...}, ...}, and with utt2spk Kaldi's spk2utt, into `data_dir`."""
    for name, table in tables.items():
        write_table(Path(data_dir) / name, table)
    if "utt2spk" in tables:
        write_table(Path(data_dir) / "spk2utt", utts_of_speakers(tables["utt2spk"]))


def utts_of_speakers(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """{speaker: its utterances in C order with blanks between}, as Kaldi's spk2utt has them."""
    speakers: dict[str, list[str]] = {}
    for utt in sorted(utt2spk, key=str.encode):
        speakers.setdefault(utt2spk[utt], []).append(utt)
    return {speaker: " ".join(utts) for speaker, utts in speakers.items()}


def _check_speakers(path, utt2spk):
    if not path.is_file():
        return
    found, wanted = read_table(path), utts_of_speakers(utt2spk)
    for speaker in sorted({**found, **wanted}):
        if sorted(found.get(speaker, "").split()) != sorted(wanted.get(speaker, "").split()):
            raise UserError(
                f"{path}: '{speaker}' has other utterances than utt2spk says; remove the file, or "
                "write it again from utt2spk"
            )


def is_pipe(path: str) -> bool:
    """Whether Kaldi's tools would run `path` as a command, with or without an offset behind it."""
    return path.startswith("|") or bool(re.search(r"\|\s*(:\d+)?$", path))


def _check_values(data_dir, tables):
    for utt, path in tables["wav.scp"].items():
        if "|" in path and is_pipe(path):
            raise UserError(
                f"{data_dir / 'wav.scp'}: '{utt}' is a shell pipe, which is never run; "
                "wanted a path to a sound file"
            )
    for utt, label in tables["utt2label"].items():
        if label not in LABELS:
            raise UserError(
                f"{data_dir / 'utt2label'}: '{utt}' is '{label}', wanted {' or '.join(LABELS)}"
            )
        attack = tables["utt2attack"][utt]
        if (label == "bonafide") != (attack == "-"):
            raise UserError(
                f"{data_dir / 'utt2attack'}: '{utt}' is {label} with attack '{attack}'; "
                "wanted '-' for bona fide and a name for spoof"
            )


def read_durations(data_dir: str | Path) -> dict[str, float]:
    """{utterance: seconds} of utt2dur. Raises UserError for what is no length of time."""
    return durations_of(read_table(Path(data_dir) / "utt2dur"), data_dir)


def durations_of(table: Mapping[str, str], data_dir: str | Path) -> dict[str, float]:
    """The same, of the table {utterance: text} that was read from `data_dir`."""
    durations = {}
    for utt, text in table.items():
        try:
            durations[utt] = number_of(text)
        except ValueError:
            durations[utt] = math.nan
        if not 0 < durations[utt] < math.inf:
            raise UserError(f"{data_dir}/utt2dur: {utt}: found '{text}', wanted seconds")
    return durations


def trial_lists(data_dir: str | Path) -> list[str]:
    """Names of the trial lists of `data_dir`, sorted; a killed run's temporary file is none."""
    names = (path.name for path in Path(data_dir, "trials").glob("*"))
    return sorted(name for name in names if not name.startswith("."))


def read_trials(
    data_dir: str | Path, name: str, wavs: Mapping[str, str] | None = None
) -> list[str]:
    """Utterances of the trial list `data_dir/trials/name`, sorted, one per line.

    wavs: the set's wav.scp, where it was read already.
    Raises UserError where the list is missing, empty, unsorted, no UTF-8 text, holds an id twice or
    an id that wav.scp lacks, or its lines, the last one too, do not end in a line feed alone.
    """
    path = Path(data_dir) / "trials" / name
    if not path.is_file():
        raise UserError(f"{path}: no such list of trials")
    if name == ALL:
        raise UserError(f"{path}: '{ALL}' is what every trial together is called; rename the list")
    known = read_table(Path(data_dir) / "wav.scp") if wavs is None else wavs
    utts: list[str] = []
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    if text.endswith("\n") and set(lines) <= known.keys() and lines == sorted(set(lines)):
        return lines
    for number, line in enumerate(lines, 1):  # to say which one is wrong
        if line.endswith("\r"):
            raise UserError(f"{path}:{number}: ends in CR LF, wanted LF; e.g. sed -i 's/\\r$//'")
        if line not in known:
            raise UserError(f"{path}:{number}: {line!r} is not in {data_dir}/wav.scp")
        if utts and line.encode() <= utts[-1].encode():
            raise UserError(f"{path}:{number}: {line!r} is out of order or a second time")
        utts.append(line)
    if not utts:
        raise UserError(f"{path}: is empty")
    require_end(text, f"{path}:{len(lines)}")
    return utts


def trial_mask(data_dir: str | Path, name: str, ids: Iterable[str]) -> np.ndarray:
    """Which of `ids` are in a list of trials (N,) bool; ALL: every one."""
    if name == ALL:
        return np.array([True for _ in ids])
    wanted = set(read_trials(data_dir, name))
    return np.array([utt in wanted for utt in ids])


def trial_counts(data_dir: str | Path) -> tuple[dict[str, tuple[int, int]], str | None]:
    """What is known of the sizes of trial lists: {list: (bona fide, spoof)}, and the published one.

    `data_dir/trial_counts` has lines `eval 14816 133360 published`: list (`all`: every trial), bona
    fide, spoof and, in one line at most, the word that marks the list that others publish numbers
    of. Without the file: {} and None. Raises UserError for any other line.
    """
    path = Path(data_dir) / "trial_counts"
    counts, published = {}, []
    for name, text in read_table(path).items() if path.is_file() else ():
        found = re.fullmatch(r"(\d+) (\d+)( published)?", text)
        if not found:
            raise UserError(
                f"{path}: {name}: found '{text}', wanted `<bona fide> <spoof>[ published]`"
            )
        counts[name] = int(found[1]), int(found[2])
        published += [name] if found[3] else []
    if len(published) > 1:
        raise UserError(f"{path}: found {' and '.join(published)} published, wanted one")
    return counts, published[0] if published else None
