#!/usr/bin/env python3
"""How long do tables take where an extraction is split over an array? All but sounds and models.

Writes wav.scp and utt2dur of made-up utterances. Then each share in turn, in this process, plans
and opens its files, as a task of its own would once its program has begun; notes are put in the
place of computed features, and the tables are joined. A task that starts with others before there
is a plan makes its own: the first share's time is that. Imports and the model are not counted.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from antispoof.config import UPSTREAM
from antispoof.data.tables import write_table
from antispoof.features.archive import ShareWriter, bytes_written, join_shares
from antispoof.features.plan import require_room
from antispoof.features.split import Settings, plan_part

RATE, DIM = 50, 80  # frames a second, numbers of a frame


def make_tables(folder, count):
    """Write wav.scp and utt2dur of `count` utterances of 1 to 10 seconds."""
    lengths = np.random.default_rng(0).uniform(1, 10, count)
    utts = [f"speaker{n % 1000:04d}-{n:07d}" for n in range(count)]
    write_table(folder / "wav.scp", {utt: f"/sounds/{utt[:11]}/{utt}.flac" for utt in utts})
    write_table(folder / "utt2dur", dict(zip(utts, (f"{s:.4f}" for s in lengths), strict=True)))


def begin(data, dump, layers, job, jobs):
    """(seconds, utterances) of what share `job` does before its first sound."""
    started = time.perf_counter()
    settings = Settings(UPSTREAM["window"], 8.0, layers, DIM, RATE, "two_byte")
    part = plan_part(data, dump, settings, job, jobs)
    there = max(bytes_written(dump), part.bytes)  # nothing is to be written here
    require_room(dump, (part.bytes, part.utterances), there, UPSTREAM, layers, DIM)
    writer = ShareWriter(dump, job, jobs, range(layers), None)
    seconds = time.perf_counter() - started
    end(writer, part, layers)
    return seconds, list(part.wavs)


def end(writer, part, layers):
    """Note features that nobody computed, and give the files of a share their names."""
    place = 0
    for utt in part.wavs:
        frames = int(RATE * part.durations[utt])
        size, place = 2 * DIM * frames, place + len(utt) + 1
        places = " ".join(f"{layer}:{place}:{size}:{place:016x}" for layer in range(layers))
        writer.notes.write(f"{utt} {frames} {places}\n")
        place += size
    writer.finish()


def measure(folder, utterances, jobs, layers):
    """Seconds: of each share, and of the joining."""
    data, dump = Path(folder, "data"), Path(folder, "dump")
    make_tables(data, utterances)
    shares, utts = [], []
    for job in range(1, jobs + 1):
        seconds, own = begin(data, dump, layers, job, jobs)
        shares.append(seconds)
        utts += own
    utts.sort(key=str.encode)
    started = time.perf_counter()
    joined = join_shares(dump, jobs, utts)
    seconds = time.perf_counter() - started
    assert joined and len(utts) == utterances
    return shares, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=200_000)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--layers", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shares, joining = measure(folder, args.utterances, args.jobs, args.layers)
    total = sum(shares)
    print(f"{args.utterances} utterances, {args.jobs} shares, layers: {args.layers}")
    print(f"the first share, which plans: {shares[0]:.2f} s; another: {np.median(shares):.3f} s")
    print(f"all shares, one after another: {total:.2f} s; on two cores {total / 2:.2f} s")
    print(f"joining: {joining:.2f} s")
    print(f"splitting on two cores and joining: {total / 2 + joining:.2f} s")


if __name__ == "__main__":
    main()
