#!/usr/bin/env python3
"""Do the tests notice when the code is wrong? Faults are put into a copy of the tree, one by one.

    mutation.py faults [LIST...]    plausible faults, written by hand: benchmarks/faults/*.yaml
    mutation.py sample              the fixed sample that CI tries: benchmarks/faults/sample.yaml
    mutation.py draw MEASURED       make that sample of what `measure --out` wrote
    mutation.py measure [FILE...]   mechanical faults by mutmut's operators, and the share noticed
                                    per area; needs benchmarks/requirements.txt

A fault is noticed where its tests fail, or where they are ended at --limit and take less than a
third of it without the fault (else it is undecided). The tests of an area are tried first without
a fault: they have to pass, and their limit is three times what they take, where that is more. One
of the sample is tried on the test that noticed it first, and where that one passes on all tests of
its area.
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # PYTHONSAFEPATH leaves it out

import areas
import mutants
import yaml
from fault_lists import ROOT, read_faults

FAULTS = ROOT / "benchmarks" / "faults"
SAMPLE = FAULTS / "sample.yaml"


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each fault")
    parser.add_argument("--log-dir", type=Path, help="keep what pytest says of each")
    commands = parser.add_subparsers(dest="command", required=True)
    faults = commands.add_parser("faults", help="plausible faults, written by hand")
    faults.add_argument("files", nargs="*", type=Path, help="lists; default: all")
    faults.add_argument("-k", dest="word", default="", help="only those that hold this word")
    commands.add_parser("sample", help="the fixed sample of mechanical faults")
    draw = commands.add_parser("draw", help="make the fixed sample")
    draw.add_argument("measured", type=Path, help="what measure --log-dir D --out FILE wrote")
    draw.add_argument("--count", type=int, default=40)
    measure = commands.add_parser("measure", help="mechanical faults, by area")
    measure.add_argument("files", nargs="*", help="from the root; default: all of all areas")
    measure.add_argument("--area", action="append", help=f"of {', '.join(areas.AREAS)}")
    measure.add_argument("--sample", type=int, default=40, help="faults of each area, or file")
    measure.add_argument("--seed", type=int, default=0, help="which of them")
    measure.add_argument("--tests", nargs="*", help="instead of those of the area")
    measure.add_argument("--out", type=Path, help="write every fault and its outcome, as YAML")
    return parser.parse_args(argv)


def show(fault, outcome, seconds):
    print(f"{outcome:>9}  {seconds:5.1f} s  {fault.file}: {fault.what}", flush=True)


def run(args, faults):
    if args.log_dir:
        args.log_dir.mkdir(parents=True, exist_ok=True)
    return mutants.try_all(faults, args.jobs, args.limit, show, args.log_dir)


def try_faults(args):
    lists = args.files or sorted(path for path in FAULTS.glob("*.yaml") if path != SAMPLE)
    faults = [fault for path in lists for fault in read_faults(path)]
    return judge(run(args, [f for f in faults if args.word in f"{f.file} {f.what}"]))


def try_sample(args):
    faults = read_faults(SAMPLE)
    ready = [fault for fault in faults if not fault.misplaced()]
    stale = len(faults) - len(ready)
    if stale:
        print(f"{stale} of {len(faults)} faults stand in lines that are gone; draw another sample")
    found = run(args, ready)
    again = [fault for fault, outcome, _ in found if outcome == mutants.UNNOTICED]
    for fault in again:
        fault.tests = areas.tests_of(fault.file)
    found = [entry for entry in found if entry[1] != mutants.UNNOTICED]
    return judge(found + run(args, again)) or stale > len(faults) // 4


def draw(args):
    """The same number of each area, of those that a test noticed by failing."""
    faults = [f for f in read_faults(args.measured) if f.extra.get("by")]
    taken = []
    for turn in range(len(faults)):
        for area in areas.AREAS:
            own = [fault for fault in faults if fault.extra["area"] == area]
            taken += own[turn : turn + 1]
    rows = [
        {"what": f.what, "file": f.file, "was": f.was, "now": f.now, "at": f.at}
        | {"tests": f.extra["by"]}
        for f in taken[: args.count]
    ]
    SAMPLE.write_text(yaml.safe_dump(rows, sort_keys=False, width=100), "utf-8")
    return 0


def judge(found):
    missed = [entry[:2] for entry in found if entry[1] not in (mutants.NOTICED, mutants.TIMED_OUT)]
    for fault, outcome in missed:
        print(f"{outcome}: {fault.file}: {fault.what}")
    print(f"{len(found) - len(missed)} of {len(found)} faults noticed{by_time(found)}")
    return bool(missed)


def by_time(found):
    """How many were ended at the limit, in words; empty where none was."""
    counts = [(o, sum(e[1] == o for e in found)) for o in (mutants.TIMED_OUT, mutants.UNDECIDED)]
    return "".join(f", {count} {outcome}" for outcome, count in counts if count)


def measure(args):
    import mechanical  # late: it alone needs benchmarks/requirements.txt

    if args.files:
        groups = {file: [file] for file in args.files}
    else:
        groups = {area: areas.files_of(area) for area in args.area or areas.AREAS}
    faults = []
    for group, files in groups.items():
        for fault in mechanical.choose(files, args.sample, args.seed):
            fault.tests = args.tests or areas.tests_of(fault.file)
            fault.extra["area"] = group
            faults.append(fault)
    found = run(args, faults)
    for group in groups:
        own = [entry for entry in found if entry[0].extra["area"] == group]
        noticed = sum(entry[1] in (mutants.NOTICED, mutants.TIMED_OUT) for entry in own)
        share = f"{100 * noticed / max(1, len(own)):5.1f} %"
        print(f"{group:30} {noticed:4} of {len(own):4} noticed  {share}{by_time(own)}")
    if args.out:
        rows = [record(args, number, *entry) for number, entry in enumerate(found)]
        args.out.write_text(yaml.safe_dump(rows, sort_keys=False), "utf-8")
    return 0


def record(args, number, fault, outcome, seconds):
    entry = {"what": fault.what, "file": fault.file, "was": fault.was, "now": fault.now}
    entry |= {**fault.extra, "outcome": outcome, "seconds": round(seconds, 1)}
    if args.log_dir and outcome == mutants.NOTICED:
        said = Path(args.log_dir, f"{number:04d}.log").read_text("utf-8", errors="replace")
        failed = re.findall(r"^FAILED (\S+?\.py::\w+)", said, re.MULTILINE)
        entry["by"] = failed[0] if failed else ""
    return entry


def main():
    args = parse()
    commands = {"faults": try_faults, "sample": try_sample, "draw": draw, "measure": measure}
    return commands[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
