"""Data directory -> data directory of augmented sounds, written by N jobs, each resumable.

    OUT/sounds/<utt><suffix>.flac  one for each utterance, 16 bits
    OUT/wav.scp, utt2*, trials/    as in the data directory that it comes from, by the new names
    OUT/trial_counts               the same, where there is one
    OUT/segments                   the same, unless the chain has speed or trim, which move seconds
    OUT/utt2codec, utt2augment     which codecs, and which augmentations, an utterance went through
    OUT/PROVENANCE                 that of the directory that it comes from, whose speech it is
    OUT/draws.jsonl                what was drawn for each
    OUT/augment.yaml               the chain and the seed
    OUT/shares/JOBofN              what a finished job noted

An utterance's draws come from (seed, utterance), so jobs and kills change nothing.
"""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from .. import CONVERSIONS, SAMPLE_RATE
from ..config import load_config, write_config
from ..config.keys import Free, Words
from ..data.audio import read_wave, require_length
from ..data.data_dir import Tables, durations_of, read_trials, trial_lists, write_tables
from ..data.provenance import carry_provenance
from ..data.segments import NAME as SEGMENTS
from ..data.segments import read_segments, write_segments
from ..data.shares import all_there, open_share, publish
from ..data.tables import read_table, write_table
from ..errors import UserError
from ..files import atomic_open, make_folder, sync_folder
from ..progress import Progress
from .chain import SHIFTING, Chain, loggable, names_in
from .codecs import label

AUGMENTATION = {  # what conf/augment_<name>.yaml can say
    "allow": Words([], CONVERSIONS),  # what may be done to a sound that is not mono at 16 kHz
    "augment": Free([]),  # a chain of antispoof.augment
}


def load_augmentation(path: str | Path) -> dict[str, Any]:
    """Read conf/augment_<name>.yaml; its chain is not built. Raises UserError."""
    config = load_config(path, AUGMENTATION)
    if not config["augment"]:
        raise UserError(f"{path}: 'augment' is empty, wanted a list of augmentations")
    return config


def claim_directory(out_dir: str | Path, settings: dict[str, Any]) -> None:
    """Write `settings` into `out_dir`; refuse a folder that others made."""
    path = Path(out_dir) / "augment.yaml"
    if path.exists() and yaml.safe_load(path.read_text("utf-8")) != settings:
        raise UserError(f"{path}: holds sounds of other settings; remove {out_dir} to redo them")
    if not path.exists():
        write_config(path, settings)


class Share:
    """Job `job` of `jobs` over the utterances of `tables` (of `read_data_dir`) into `out_dir`.

    settings: {"augment", "allow", "seed", "suffix"}; `finished` are the notes that were there.
    """

    def __init__(
        self,
        tables: Tables,
        out_dir: str | Path,
        settings: dict[str, Any],
        job: int,
        jobs: int,
    ) -> None:
        self.wavs, self.out_dir, self.settings = tables["wav.scp"], Path(out_dir), settings
        self.seconds = durations_of(tables["utt2dur"], settings.get("from", ""))
        self.utts = list(self.wavs)[job - 1 :: jobs]
        self.chain = Chain(settings["augment"], self.out_dir / "augment.yaml")
        self.note = self.out_dir / "shares" / f"{job}of{jobs}"
        self.finished = _notes(self.out_dir / "shares")

    def run(self, progress: Progress) -> None:
        """Make what is missing. Raises UserError for a bad sound, or where none is left."""
        part = self.note.with_name(f".{self.note.name}.part")
        make_folder(part.parent)
        known = {utt: self.finished[utt] for utt in self.utts if utt in self.finished}
        known = {utt: note for utt, note in known.items() if self.path(utt).exists()}
        with open_share(part) as notes:
            notes.seek(0)
            notes.truncate(0)
            notes.writelines(json.dumps(note) + "\n" for note in known.values())
            progress.advance(len(known))
            for utt in self.utts:
                if utt not in known:
                    notes.write(json.dumps(self.make(utt)) + "\n")
                    notes.flush()
                    progress.advance()
            if self.utts:
                sync_folder(self.path(self.utts[0]).parent)  # one sync for all names
            publish(notes, part, self.note)

    def path(self, utt: str) -> Path:
        return sound_path(self.out_dir, utt + self.settings["suffix"])

    def make(self, utt: str) -> dict[str, Any]:
        """Write the sound of `utt`; returns its note."""
        wave = read_wave(self.wavs[utt], utt, self.settings["allow"])
        require_length(wave, self.seconds[utt], self.wavs[utt], utt)
        wave, drawn = self.chain(wave, utt, self.settings["seed"])
        peak = float(np.abs(wave).max())
        sound = io.BytesIO()  # a full disk is then the file's error, which says so
        soundfile.write(sound, wave / max(1.0, peak), SAMPLE_RATE, format="FLAC")
        with atomic_open(self.path(utt), "wb", sync_name=False) as stream:
            stream.write(sound.getbuffer())
        return {
            "utt": utt,
            "seconds": len(wave) / SAMPLE_RATE,
            "divided_by": max(1.0, peak),
            "drawn": loggable(drawn),
        }


def sound_path(out_dir: str | Path, utt: str) -> Path:
    """Where the sound of `utt` is; an id that names another folder is refused."""
    if "/" in utt:
        raise UserError(f"{utt}: holds a '/', and cannot name a sound file; fix wav.scp")
    return Path(out_dir, "sounds", f"{utt}.flac").absolute()


def _notes(folder):
    """{utterance: note} of all jobs, finished or killed; a torn last line is none."""
    notes = {}
    for path in sorted({*folder.glob("*of*"), *folder.glob(".*of*.part")}):
        if path.suffix == ".tmp":  # of a job that begins
            continue
        with contextlib.suppress(FileNotFoundError):  # another job just finished
            for line in path.read_text("utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    note = json.loads(line)
                    notes[note["utt"]] = note
    return notes


def join(
    in_dir: str | Path,
    tables: Tables,
    out_dir: str | Path,
    suffix: str,
    jobs: int,
    wait: bool = False,
) -> bool:
    """Write the tables of `out_dir` once all `jobs` shares have ended; returns whether they have.

    tables: of `in_dir`; wait: all have ended, and a note of another machine may be late.
    """
    out_dir = Path(out_dir)
    shares = [out_dir / "shares" / f"{job}of{jobs}" for job in range(1, jobs + 1)]
    ended = all_there(shares, wait)  # before their notes are read
    notes = {utt: n for utt, n in _notes(out_dir / "shares").items() if utt in tables["wav.scp"]}
    if not ended or len(notes) < len(tables["wav.scp"]):
        return False
    codecs = tables.get("utt2codec", {})
    made: dict[str, dict[str, Any]] = {
        "wav.scp": {utt: sound_path(out_dir, utt + suffix) for utt in notes},
        "utt2dur": {utt: f"{note['seconds']:.4f}" for utt, note in notes.items()},
        "utt2codec": {utt: _codec(codecs.get(utt, "-"), note) for utt, note in notes.items()},
        "utt2augment": {
            utt: "+".join(entry["name"] for entry in note["drawn"]) or "-"
            for utt, note in notes.items()
        },
    }
    _carry(Path(in_dir), out_dir, tables, suffix)
    tables = {
        name: {utt + suffix: value for utt, value in table.items()}
        for name, table in {**tables, **made}.items()
    }
    write_tables(out_dir, tables)
    with atomic_open(out_dir / "draws.jsonl") as stream:
        for utt in sorted(notes, key=str.encode):
            line = {**notes[utt], "utt": utt + suffix, "from": utt}
            stream.write(json.dumps(line) + "\n")
    return True


def _carry(in_dir, out_dir, tables, suffix):
    """Write what stands next to `tables`, those of `in_dir`, by the new names."""
    carry_provenance(in_dir, out_dir)
    if (in_dir / SEGMENTS).exists() and not moves_seconds(out_dir):
        spans = read_segments(in_dir, durations_of(tables["utt2dur"], in_dir))
        write_segments(out_dir, {utt + suffix: own for utt, own in spans.items()})
    for name in trial_lists(in_dir):
        with atomic_open(out_dir / "trials" / name) as stream:
            utts = [utt + suffix for utt in read_trials(in_dir, name)]
            stream.writelines(f"{utt}\n" for utt in sorted(utts, key=str.encode))
    if (in_dir / "trial_counts").is_file():
        write_table(out_dir / "trial_counts", read_table(in_dir / "trial_counts"))


def moves_seconds(out_dir: str | Path) -> bool:
    """Whether the chain of a directory has what makes a second of a sound another one."""
    chain = yaml.safe_load((Path(out_dir) / "augment.yaml").read_text("utf-8"))["augment"]
    return not set(SHIFTING).isdisjoint(names_in(chain))


def _codec(before, note):
    """The codecs that an utterance went through, in their order: `mp3_16k+alaw`, or - for none."""
    labels = [label(entry) for entry in note["drawn"] if entry["name"] == "codec"]
    return "+".join([before] * (before != "-") + labels) or "-"
