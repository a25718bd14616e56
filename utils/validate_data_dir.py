#!/usr/bin/env python3
"""Check a data directory: the same utterances in every table, and sounds that exist and decode.

A table of segments is checked too: no gap, no overlap, the ends and classes of the utterances.
"""

import argparse
import functools
import multiprocessing

from antispoof import CONVERSIONS
from antispoof.data import flac
from antispoof.data.audio import read_wave, require_length
from antispoof.data.data_dir import durations_of, read_data_dir, read_trials, trial_lists
from antispoof.errors import UserError, one_line_errors
from antispoof.files import atomic_open
from antispoof.progress import Progress

EXAMPLE = "example:\n  utils/validate_data_dir.py --nj 4 data/train"
SHOWN = 10


def check_sound(allow, item):
    """(utt, path, duration in seconds by the table) -> None or what is wrong."""
    utt, path, seconds = item
    try:
        require_length(read_wave(path, utt, allow), seconds, path, utt)
    except UserError as error:
        return str(error)
    return None


def check_and_count(allow, item):
    """The same, and whether it is a FLAC that the second decoder read."""
    return check_sound(allow, item), item[1] in flac.named


def check_sounds(args, wavs, durations):
    """Decode every sound; returns how many FLACs only the second decoder reads."""
    items, second, problems = [(utt, wavs[utt], durations[utt]) for utt in wavs], 0, []
    progress = Progress(len(items), "sounds", args.data_dir)
    with multiprocessing.Pool(min(args.nj, len(items))) as pool:
        check = functools.partial(check_and_count, args.allow)
        for problem, by_ffmpeg in pool.imap(check, items, 64):
            progress.advance()
            problems += [problem] if problem else []
            second += by_ffmpeg
    progress.close()
    if problems:
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise UserError("\n".join(problems[:SHOWN]) + more)
    return second


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nj", type=int, default=1, help="processes that decode")
    parser.add_argument(
        "--allow",
        nargs="*",
        default=[],
        choices=CONVERSIONS,
        help="do not refuse sounds that configs with the same `allow` will convert",
    )
    parser.add_argument("--no-sound", action="store_true", help="look at the tables alone")
    parser.add_argument("data_dir")
    parser.add_argument("--out", metavar="FILE", help="to write the line to that is printed")
    args = parser.parse_args()
    if args.nj < 1:
        raise UserError(f"--nj: found {args.nj}, wanted 1 or more")

    tables = read_data_dir(args.data_dir)
    for name in trial_lists(args.data_dir):
        read_trials(args.data_dir, name, tables["wav.scp"])
    wavs, durations = tables["wav.scp"], durations_of(tables["utt2dur"], args.data_dir)
    second = 0
    if not args.no_sound:
        second = check_sounds(args, wavs, durations)
    counts = {
        name: list(tables["utt2label"].values()).count(name) for name in ("bonafide", "spoof")
    }
    line = (
        f"{args.data_dir}: {len(wavs)} utterances, {counts['bonafide']} bona fide, "
        f"{counts['spoof']} spoof, {sum(durations.values()) / 3600:.2f} h"
        f"{f', {second} FLACs that libsndfile refuses and FFmpeg reads' if second else ''}: valid"
    )
    if args.out:
        with atomic_open(args.out) as stream:
            stream.write(f"{line}\n")
    print(line)


if __name__ == "__main__":
    with one_line_errors("utils/validate_data_dir.py"):
        main()
