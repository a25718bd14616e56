"""Kaldi archives of cached features, written by N jobs, each resumable after any utterance.

    dump/<upstream>/<set>/layer07/feats.JOB.ark    matrices (T, D), one archive per layer and job
    dump/<upstream>/<set>/layer07/feats.scp        `utt path:offset`, after all jobs are joined
    dump/<upstream>/<set>/utt2num_frames, utt2sum  frames, and a checksum of the stored bytes
    dump/<upstream>/<set>/shares/JOBofN            what a finished job wrote
    dump/<upstream>/<set>/copy01/...               the same, of an augmented copy of each utterance

A job writes under temporary names and notes each utterance after its bytes, so that a killed one
continues behind the last whole utterance and ends in the same bytes.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import kaldiio
import numpy as np

from ..data.shares import open_share
from ..data.tables import write_table
from ..errors import UserError
from ..files import atomic_open


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
        self.note.parent.mkdir(parents=True, exist_ok=True)
        for other in self.note.parent.glob(
            "*of*"
        ):  # of another split: its archives are overwritten
            if other.name.removesuffix(".part").rpartition("of")[2] != str(jobs):
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
        """Read the notes of a killed job, cut every archive behind its last noted utterance."""
        finished, ends = {}, dict.fromkeys(self.layers, 0)
        self.notes = open_share(self.part)
        for line in self.notes.read().splitlines(keepends=True):
            entry = parse_note(line)
            if entry is None or not all(
                self.ark(layer, True).exists()
                and self.ark(layer, True).stat().st_size >= offset + size
                for layer, (offset, size, _) in entry[2].items()
            ):
                break
            finished[entry[0]] = line
            ends = {layer: offset + size for layer, (offset, size, _) in entry[2].items()}
        self.streams = {}
        for layer, end in ends.items():
            path = self.ark(layer, True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            stream = self.streams[layer] = open(path, "r+b")  # noqa: SIM115 - closed in finish()
            stream.truncate(end)
            stream.seek(end)
        self.notes.truncate(0)
        self.notes.writelines(finished.values())
        self.notes.flush()
        return finished

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

    def finish(self) -> None:
        """Move archives, then notes, to their names."""
        for layer, stream in self.streams.items():
            stream.close()
            self.ark(layer, True).replace(self.ark(layer))
        self.notes.flush()
        self.part.replace(self.note)
        self.notes.close()  # only now may another process open what is there


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


def join_shares(folder: str | Path, jobs: int, utts: Sequence[str]) -> bool:
    """Write the tables of `folder` once all `jobs` shares have ended; returns whether they have.

    `utts` are the utterances wanted; raises UserError where one of them is missing. Two jobs that
    end at once both write the same tables.
    """
    folder, entries = Path(folder), {}
    notes = {job: folder / "shares" / f"{job}of{jobs}" for job in range(1, jobs + 1)}
    if not all(note.exists() for note in notes.values()):
        return False
    for job, note in notes.items():
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
        write_table(
            place / "feats.scp",
            {u: f"{place}/feats.{entries[u][0]}.ark:{entries[u][2][layer][0]}" for u in utts},
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
