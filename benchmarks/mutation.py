#!/usr/bin/env python3
"""Do the tests notice when the code is wrong?

mutation.py faults [FILE...]       plausible faults, written by hand: benchmarks/faults/*.yaml
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import mutants

FAULTS = mutants.ROOT / "benchmarks" / "faults"


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each fault")
    parser.add_argument("--log-dir", type=Path, help="keep what pytest said of each")
    commands = parser.add_subparsers(dest="command", required=True)
    faults = commands.add_parser("faults", help="plausible faults, written by hand")
    faults.add_argument("files", nargs="*", type=Path, help="lists; default: all")
    faults.add_argument("-k", dest="word", default="", help="only those that hold this word")
    return parser.parse_args(argv)


def show(fault, outcome, seconds):
    print(f"{outcome:>9}  {seconds:5.1f} s  {fault.file}: {fault.what}", flush=True)


def try_faults(args):
    faults = [
        f for path in args.files or sorted(FAULTS.glob("*.yaml")) for f in mutants.read_faults(path)
    ]
    faults = [fault for fault in faults if args.word in f"{fault.file} {fault.what}"]
    if args.log_dir:
        args.log_dir.mkdir(parents=True, exist_ok=True)
    found = mutants.try_all(faults, args.jobs, args.limit, show, args.log_dir)
    unnoticed = [fault for fault, outcome, _ in found if outcome == mutants.UNNOTICED]
    print(f"{len(found) - len(unnoticed)} of {len(found)} faults noticed")
    return bool(unnoticed)


def main():
    args = parse()
    return try_faults(args)


if __name__ == "__main__":
    sys.exit(main())
