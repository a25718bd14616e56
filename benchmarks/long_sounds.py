#!/usr/bin/env python3
"""How much memory does detection take, for files of hours and for folders of many files?

The peak and the processor's time of steps/detect.py --json over one short sound, folders of --files
sounds, and --hours of sound as a WAV and as an MP3. The sounds are those of --sounds, again and
again, or else noise of a second.

  benchmarks/long_sounds.py --model exp/mel_cnn_seed1 --sounds RECORDINGS
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from antispoof import SAMPLE_RATE
from antispoof.data.sounds import read_sound
from antispoof.detector.places import sounds_below
from antispoof.errors import UserError, one_line_errors
from antispoof.paths import ROOT


def make_noise(folder, count):
    """`count` sounds of a second, each of another loudness; their paths."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{number:03d}.wav" for number in range(count)]
    for number, path in enumerate(paths):
        wave = 0.05 * (1 + number % 3) * rng.standard_normal(SAMPLE_RATE)
        soundfile.write(path, wave, SAMPLE_RATE)
    return paths


def make_long(path, seconds, sounds):
    """One sound after the other, until there are so many seconds; how many there are."""
    count = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as out:
        for sound in itertools.cycle(sounds):
            if count >= seconds * SAMPLE_RATE:
                return count / SAMPLE_RATE
            wave = read_sound(sound).wave
            out.write(wave)
            count += len(wave)


def make_many(folder, count, sounds):
    """`count` names of sounds; how many seconds they last."""
    folder.mkdir()
    seconds = 0.0
    for number, sound in zip(range(count), itertools.cycle(sounds), strict=False):
        name = folder / f"{number:06d}{sound.suffix}"
        try:
            os.link(sound, name)
        except OSError:  # of another disk
            name.symlink_to(sound.absolute())
        seconds += soundfile.info(str(sound)).duration
    return seconds


def cost_of(words):
    """(MiB of memory at most, seconds of the processor, lines) of a program."""
    with subprocess.Popen(words, stdout=subprocess.PIPE) as running:
        lines = sum(1 for _ in running.stdout)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise UserError(f"{words[1]}: ended with status {running.returncode}, wanted 0")
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_maxrss * unit / 2**20, used.ru_utime + used.ru_stime, lines


def cases(folder, args):
    """(what it is in words, where, how many seconds of sound) of each case, made one by one."""
    sounds = list(sounds_below(args.sounds)) if args.sounds else make_noise(folder, 100)
    yield "1 file", sounds[0], soundfile.info(str(sounds[0])).duration
    for count in args.files:
        place = folder / f"{count} files"
        yield place.name, place, make_many(place, count, sounds)
    path = folder / "long.wav"
    seconds = make_long(path, args.hours * 3600, sounds)
    yield f"{args.hours:g} h, WAV", path, seconds
    command = ["ffmpeg", "-v", "error", "-i", path, "-b:a", "64k", folder / "long.mp3"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    yield f"{args.hours:g} h, MP3", folder / "long.mp3", seconds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="an experiment or a fusion")
    parser.add_argument("--sounds", type=Path, metavar="FOLDER", help="sounds of yours")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 3000, 10_000])
    args = parser.parse_args()
    command = [sys.executable, ROOT / "steps/detect.py", "--model", args.model, "--json"]
    print("| sounds | seconds of sound | peak, MiB | processor, s | × real time |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for words, place, seconds in cases(Path(name), args):
            peak, spent, lines = cost_of([*command, place])
            wanted = len(list(place.iterdir())) if place.is_dir() else 1
            if lines != wanted:
                raise UserError(f"{place}: found {lines} lines, wanted {wanted}")
            ratio = f"{seconds / spent:.1f}"
            print(f"| {words} | {seconds:.0f} | {peak:.0f} | {spent:.0f} | {ratio} |", flush=True)


if __name__ == "__main__":
    with one_line_errors("benchmarks/long_sounds.py"):
        main()
