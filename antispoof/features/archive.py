"""Kaldi archives of cached features, written by N jobs, each resumable after any utterance.

    dump/<upstream>/<set>/layer07/feats.JOB.ark    matrices (T, D), one archive per layer and job
    dump/<upstream>/<set>/layer07/feats.scp        `utt path:offset`, after all jobs are joined
    dump/<upstream>/<set>/utt2num_frames, utt2sum  frames, and a checksum of the stored bytes
    dump/<upstream>/<set>/shares/JOBofN            what a finished job wrote
    dump/<upstream>/<set>/copy01/...               the same, of an augmented copy of each utterance

A job writes under temporary names and notes each utterance after its bytes, so that a killed one
continues behind the last whole utterance and ends in the same bytes. It puts them on the disk every
SYNC_SECONDS, which is what a power cut can cost, and at its end before anything has its name.
"""

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path

import kaldiio
import numpy as np

from ..data.shares import all_there, copy_start, fresh, open_share, publish
from ..data.tables import write_table
from ..errors import UserError
from ..files import atomic_open, make_folder, sync_folder

SYNC_SECONDS = 30.0  # between two times that a job's bytes are put on the disk


def layer_name(index: int) -> str:
    return f"layer{index:02d}"


def copy_folder(folder: str | Path, copy: int) -> Path:
    """Where the features of copy 1, 2, ... lie; copy 0 is the original."""
    return Path(folder) / f"copy{copy:02d}" if copy else Path(folder)


def copy_folders(folder: str | Path) -> list[Path]:
    """The folders of all copies below `folder`, in order."""
    return sorted(Path(folder).glob("copy[0-9]*"))


class ShareWriter:
    """Writes job `job` of `jobs` into `folder`; `finished` maps those already there to lines."""

    def __init__(
        self,
        folder: str | Path,
        job: int,
        jobs: int,
        layers: Sequence[int],
        compression: int | None,
    ) -> None:
        self.folder, self.job, self.compression = Path(folder), job, compression
        self.layers = list(layers)
        self.note = self.folder / "shares" / f"{job}of{jobs}"
        self.part = self.note.with_name(f".{self.note.name}.part")
        make_folder(self.note.parent)
        for other in self.note.parent.glob("*of*"):  # of another split: its archives go
            split = other.name.removesuffix(".part").rpartition("of")[2]
            if split != str(jobs) and not other.name.endswith(".tmp"):
                other.unlink(missing_ok=True)
        self.finished = {} if self.complete else self._resume()

    @property
    def complete(self) -> bool:
        """Whether this share ended before."""
        return self.note.exists()

    def ark(self, layer: int, part: bool = False) -> Path:
        name = f"feats.{self.job}.ark"
        return self.folder / layer_name(layer) / (f".{name}.part" if part else name)

    def _resume(self):
        """Take over what a killed job noted, as far as every archive holds the noted bytes.

        What a power cut took from an archive, or made zeros, is not what the note says it is.
        """
        self.notes = open_share(self.part)
        finished, ends = {}, dict.fromkeys(self.layers, 0)
        with contextlib.ExitStack() as stack:
            old = {layer: _opened(self.ark(layer, True), stack) for layer in self.layers}
            for line in self.notes.read().splitlines(keepends=True):
                entry = parse_note(line)
                if entry is None or not _holds(old, ends, entry):
                    break
                finished[entry[0]] = line
                ends = {layer: offset + size for layer, (offset, size, _) in entry[2].items()}
            self.streams = {}
            for layer, end in ends.items():
                self.streams[layer] = fresh(self.ark(layer, True))
                copy_start(old[layer], self.streams[layer], end)
        self.notes.seek(0)
        self.notes.truncate(0)
        self.notes.writelines(finished.values())
        self.sync()
        return finished

    def sync(self) -> None:
        """Put all that is written so far on the disk: archives, then the notes on them."""
        for layer, stream in self.streams.items():
            stream.flush()
            os.fsync(stream.fileno())
            sync_folder(self.ark(layer).parent)
        self.notes.flush()
        os.fsync(self.notes.fileno())
        sync_folder(self.part.parent)
        self.synced = time.monotonic()

    def write(self, utt: str, features: dict[int, np.ndarray]) -> None:
        """Append {layer: (T, D) float32} of `utt` to the archives."""
        places, frames = [], 0
        for layer in self.layers:
            block = io.BytesIO()
            kaldiio.save_ark(block, {utt: features[layer]}, compression_method=self.compression)
            stored = block.getbuffer()[len(utt.encode()) + 1 :]
            offset = self.streams[layer].tell() + len(utt.encode()) + 1
            self.streams[layer].write(block.getbuffer())
            self.streams[layer].flush()
            places.append(f"{layer}:{offset}:{len(stored)}:{checksum(stored)}")
            frames = len(features[layer])
        self.notes.write(f"{utt} {frames} {' '.join(places)}\n")
        self.notes.flush()
        if time.monotonic() - self.synced > SYNC_SECONDS:
            self.sync()

    def finish(self) -> None:
        """Move archives, then notes, to their names; each is on the disk before the next."""
        for layer, stream in self.streams.items():
            publish(stream, self.ark(layer, True), self.ark(layer))
            stream.close()
        publish(self.notes, self.part, self.note)
        self.notes.close()  # only now may another process open what is there


def _opened(path, stack):
    """The archive `path` to read, until `stack` closes; nothing is in one that is not there."""
    make_folder(path.parent)
    return stack.enter_context(open(path, "rb") if path.exists() else io.BytesIO())


def _holds(archives, ends, note):
    """Whether each of `archives` has, from its end so far, the entry that a note says it has."""
    utt, _, layers = note
    key = utt.encode() + b" "
    if layers.keys() != archives.keys():
        return False
    for layer, (offset, size, digest) in layers.items():
        archives[layer].seek(ends[layer])
        found = archives[layer].read(len(key) + size)
        if offset != ends[layer] + len(key) or not found.startswith(key):
            return False
        if checksum(found[len(key) :]) != digest:
            return False
    return True


def bytes_written(folder: str | Path) -> int:
    """Bytes of all archives below `folder`, finished or not, those of copies too."""
    names = ("layer*/*.ark", "layer*/.*.ark.part")
    folders = [Path(folder), *copy_folders(folder)]
    return sum(p.stat().st_size for place in folders for name in names for p in place.glob(name))


def checksum(data: bytes | memoryview) -> str:
    """Hex checksum, 64 bits, of stored bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def parse_note(line: str) -> tuple[str, int, dict[int, tuple[int, int, str]]] | None:
    """`utt frames layer:offset:size:sum ...` -> (utt, frames, {layer: (offset, size, sum)}).

    None where the line is torn.
    """
    if not line.endswith("\n"):
        return None
    try:
        utt, frames, *places = line.split()
        layers = {}
        for place in places:
            layer, offset, size, digest = place.split(":")
            layers[int(layer)] = (int(offset), int(size), digest)
        return utt, int(frames), layers
    except ValueError:
        return None


def all_ended(folder: str | Path, jobs: int, wait: bool = False) -> bool:
    """Whether all shares of `folder` have ended; `wait`: they have, and one may be seen late."""
    return all_there(_notes(Path(folder), jobs), wait)


def _notes(folder, jobs):
    return [folder / "shares" / f"{job}of{jobs}" for job in range(1, jobs + 1)]


def join_shares(folder: str | Path, jobs: int, utts: Sequence[str], wait: bool = False) -> bool:
    """Write the tables of `folder` once all `jobs` shares have ended; returns whether they have.

    wait: every share is known to have ended, and its note, written on another machine, may be late.
    `utts` are the utterances wanted; raises UserError where one of them is missing. Two jobs that
    end at once both write the same tables.
    """
    folder, entries = Path(folder), {}
    if not all_ended(folder, jobs, wait):
        return False
    for job, note in enumerate(_notes(folder, jobs), 1):
        for line in note.read_text("utf-8").splitlines(keepends=True):
            noted = parse_note(line)
            if noted is None:
                raise UserError(
                    f"{note}: holds the torn line {line[:40]!r}; remove it, run stage 2"
                )
            utt, frames, places = noted
            entries[utt] = (job, frames, places)
    for utt in utts:
        if utt not in entries:
            raise UserError(f"{folder}: no features of '{utt}'; remove {folder}/shares, run again")
    layers = sorted(next(iter(entries.values()))[2])
    for layer in layers:
        place = folder / layer_name(layer)
        start = f"{place}/feats."  # once; a path takes long to write
        write_table(
            place / "feats.scp",
            {u: f"{start}{entries[u][0]}.ark:{entries[u][2][layer][0]}" for u in utts},
        )
    write_table(
        folder / "utt2sum",
        {u: " ".join(entries[u][2][layer][2] for layer in layers) for u in utts},
    )
    with atomic_open(folder / "utt2num_frames") as stream:
        stream.writelines(f"{utt} {entries[utt][1]}\n" for utt in sorted(utts, key=str.encode))
    return True


def layer_folders(folder: str | Path) -> list[Path]:
    """The folders of the layers that `folder` holds, in order. Raises UserError where none is."""
    found = sorted(Path(folder).glob("layer[0-9]*"), key=lambda place: int(place.name[5:]))
    if not found:
        raise UserError(f"{folder}: holds no layer; run stage 2")
    return found
