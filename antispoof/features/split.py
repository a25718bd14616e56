"""What one share of an extraction is to compute.

A large set is planned by the first job alone, which writes the parts of all jobs into one file,
shares/.plan<N>; the others read their own part there. The file holds a hash of the tables and of
the settings that it rests on, and of each part; where one differs, a job plans by itself.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..data.data_dir import read_durations
from ..data.tables import read_table, require_same_keys
from ..files import atomic_open
from . import plan
from .archive import checksum

LARGE = 10_000  # utterances; fewer are planned as fast as read


@dataclass(frozen=True)
class Settings:
    """What decides the batches of a set, and the bytes of its features."""

    window: dict[str, Any]
    batch_seconds: float  # 0: each utterance by itself
    layers: int
    dim: int
    frame_rate: float
    dtype: str
    copies: int = 0


@dataclass(frozen=True)
class Part:
    """The part of one job, and what the whole set comes to."""

    batches: list[list[str]]
    wavs: dict[str, str]
    durations: dict[str, float]
    bytes: int  # of the features of the whole set
    utterances: int  # of the whole set


def plan_part(
    data_dir: str | Path, dump_dir: str | Path, settings: Settings, job: int, jobs: int
) -> Part:
    """The part of job `job` of `jobs`. Raises UserError for tables that are not sound."""
    path = Path(dump_dir) / "shares" / f".plan{jobs}"
    state = _state_of(data_dir, settings)
    if found := _read(path, state, job):
        return found
    parts = _plan(data_dir, settings, jobs)
    if jobs > 1 and parts[0].utterances >= LARGE:
        _write(path, state, parts)
    return parts[job - 1]


def _state_of(data_dir, settings):
    """Hash of the tables and settings that decide a plan; nothing where a table is not there."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    for name in ("wav.scp", "utt2dur"):
        try:
            data = (Path(data_dir) / name).read_bytes()
        except OSError:
            return ""
        digest.update(f"\n{len(data)}\n".encode() + data)
    return digest.hexdigest()


def _plan(data_dir, settings, jobs):
    """The parts of all jobs."""
    wavs = read_table(f"{data_dir}/wav.scp")
    durations = read_durations(data_dir)
    require_same_keys(wavs, durations, f"{data_dir}/wav.scp", f"{data_dir}/utt2dur")
    seconds = plan.kept_seconds(durations, settings.window)
    wanted = plan.plan_bytes(
        seconds,
        settings.layers,
        settings.dim,
        settings.frame_rate,
        settings.dtype,
        settings.copies,
    )
    batches = plan.plan_batches(seconds, settings.batch_seconds)
    total = sum(wanted.values())

    def part(own: list[list[str]]) -> Part:
        utts = [utt for batch in own for utt in batch]
        return Part(own, _of(wavs, utts), _of(durations, utts), total, len(wavs))

    return [part(batches[number::jobs]) for number in range(jobs)]


def _of(table: Mapping[str, Any], utts):
    return {utt: table[utt] for utt in utts}


def _write(path, state, parts):
    """Write the plan: a line on where each part stands, and the parts behind it."""
    texts = [
        json.dumps([part.batches, part.wavs, part.durations], ensure_ascii=False).encode() + b"\n"
        for part in parts
    ]
    places, start = [], 0
    for text in texts:
        places.append([start, len(text), checksum(text)])
        start += len(text)
    head = {"state": state, "bytes": parts[0].bytes, "utterances": parts[0].utterances}
    with atomic_open(path, "wb") as stream:
        stream.write(json.dumps({**head, "parts": places}).encode() + b"\n")
        stream.writelines(texts)


def _read(path, state, job):
    """The part of a job in the plan at `path`; None where it is another plan's, or damaged."""
    try:
        with open(path, "rb") as stream:
            head = json.loads(stream.readline())
            start, size, digest = head["parts"][job - 1]
            stream.seek(start, 1)
            text = stream.read(size)
        if head["state"] != state or checksum(text) != digest:
            return None
        batches, wavs, durations = json.loads(text)
        return Part(batches, wavs, durations, head["bytes"], head["utterances"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
