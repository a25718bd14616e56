"""Write the data directories of the recipe from the index of a built corpus."""

import hashlib
from pathlib import Path

from antispoof.data.data_dir import write_tables
from antispoof.data.tables import write_table
from antispoof.files import atomic_open

from . import design
from .index import wav_path

TRIALS = {"known": design.KNOWN, "unknown": design.UNKNOWN}


def write_sets(out, folder, records):
    """Write `out`/{train,dev,eval} for `records` {utt: record} of the corpus in `folder`.

    Returns {set: sha256 of its ids and sounds}.
    """
    digests = {}
    for split in design.SPLITS:
        rows = {utt_id(row): row for row in records.values() if row["split"] == split}
        rows = dict(sorted(rows.items()))
        digests[split] = write_set(Path(out) / split, Path(folder).resolve(), rows)
        if split == "eval":
            write_trials(Path(out) / split, rows)
    return digests


def utt_id(row):
    """The id of a record's utterance: it begins with its speaker, as Kaldi's tools ask for."""
    return f"{row['speaker']}-{row['utt']}"


def write_set(out, folder, rows):
    """Write the tables of one set; returns the sha256 of its sorted `utt sha256` lines."""
    tables = {
        "wav.scp": {utt: wav_path(folder, row) for utt, row in rows.items()},
        "utt2label": {utt: label(row) for utt, row in rows.items()},
        "utt2spk": {utt: row["speaker"] for utt, row in rows.items()},
        "utt2attack": {utt: row["attack"] for utt, row in rows.items()},
        "utt2lang": {utt: row["lang"] for utt, row in rows.items()},
        "utt2codec": {utt: row["codec"] for utt, row in rows.items()},
        "utt2source": {utt: row["source"] for utt, row in rows.items()},
        "utt2dur": {utt: f"{row['seconds']:.3f}" for utt, row in rows.items()},
    }
    write_tables(out, tables)
    lines = "".join(f"{utt} {row['sha256']}\n" for utt, row in rows.items())
    digest = hashlib.sha256(lines.encode()).hexdigest()
    with atomic_open(out / "sha256") as stream:
        stream.write(f"{digest}\n")
    return digest


def label(row):
    """The word of a record's class."""
    return "bonafide" if row["attack"] == "-" else "spoof"


def write_trials(out, rows):
    """Write the lists of trials: all bona fide with the attacks known, or unknown, in training."""
    for name, attacks in TRIALS.items():
        chosen = [utt for utt, row in rows.items() if row["attack"] in ("-", *attacks)]
        with atomic_open(out / "trials" / name) as stream:
            stream.writelines(f"{utt}\n" for utt in chosen)


def write_missing(path, missing):
    """Write the table `attack reason` of attacks left out; no file where there is none."""
    if missing:
        write_table(path, missing)
    else:
        Path(path).unlink(missing_ok=True)
