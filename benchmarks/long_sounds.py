#!/usr/bin/env python3
"""How much memory does detection take, for a file of hours and for a folder of many files?

The peak of steps/detect.py --json over sounds made here: one of ten seconds, one of --hours, and
folders of 100 and of --files sounds of a second.

  benchmarks/long_sounds.py --model exp/mel_cnn_seed1
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from antispoof import SAMPLE_RATE
from antispoof.errors import one_line_errors
from antispoof.paths import ROOT


def make_long(path, seconds):
    """Noise whose loudness comes and goes, written a second at a time."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as sound:
        for number in range(int(seconds)):
            sound.write(0.05 * (1 + number % 3) * rng.standard_normal(SAMPLE_RATE))


def make_many(folder, count):
    """`count` sounds of a second, of which 100 differ."""
    folder.mkdir()
    for number in range(count):
        if number < 100:
            make_long(folder / f"{number:06d}.wav", 1)
        else:
            os.link(folder / f"{number % 100:06d}.wav", folder / f"{number:06d}.wav")


def peak_of(words):
    """(MiB of memory at most, seconds, lines) of a program."""
    started = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE) as running:
        lines = sum(1 for _ in running.stdout)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, running.returncode
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_maxrss * unit / 2**20, time.monotonic() - started, lines


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="an experiment or a fusion")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--files", type=int, default=10_000)
    args = parser.parse_args()
    print("| sounds | peak, MiB | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_long(folder / "short.wav", 10)
        make_long(folder / "long.wav", args.hours * 3600)
        make_many(folder / "some", 100)
        make_many(folder / "many", args.files)
        for place, words in {
            "short.wav": "10 s",
            "long.wav": f"{args.hours:g} h",
            "some": "100 files of 1 s",
            "many": f"{args.files} files of 1 s",
        }.items():
            command = [sys.executable, ROOT / "steps/detect.py", "--model", args.model, "--json"]
            windows = ["--windows"] if place.endswith("wav") else []
            peak, seconds, _ = peak_of([*command, *windows, folder / place])
            print(f"| {words} | {peak:.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    with one_line_errors("benchmarks/long_sounds.py"):
        main()
