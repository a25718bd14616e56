#!/usr/bin/env python3
"""Hand stages of a recipe to a cluster at once, each to begin after the one before it.

run.sh --submit-all calls this with its own command and options. The cluster has to let jobs be
submitted from its nodes. utils/status.py says how far they are; exp/log/stages/ has their logs.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.launcher import stages

EXAMPLE = """example:
  utils/submit_all.py --cluster slurm --stages 1 6 egs/mini/run.sh --seeds "1 2 3\""""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cluster = os.environ.get("ANTISPOOF_CLUSTER") or "local"
    parser.add_argument("--cluster", default=cluster, help="a file of conf/cluster/")
    parser.add_argument("--stages", nargs=2, type=int, metavar=("FIRST", "LAST"), default=(1, 6))
    parser.add_argument("--drive", type=int, metavar="N", help="run stage N, as its job does")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="RUN.SH OPTION...")
    return parser.parse_args()


def words(args, stage):
    """The command of the job of a stage: this program, with what run.sh was called with."""
    own = [str(Path(__file__).resolve()), "--cluster", args.cluster, "--drive", str(stage)]
    return [*own, *args.command]


def main():
    args = parse()
    if args.drive:
        only = [
            "--submit-all",
            "false",
            "--stage",
            str(args.drive),
            "--stop-stage",
            str(args.drive),
        ]
        sys.exit(stages.drive(args.cluster, args.drive, [*args.command, *only]))
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # nothing of it is left in the queue then
    numbers = range(args.stages[0], args.stages[1] + 1)
    made = stages.submit(args.cluster, numbers, lambda stage: words(args, stage))
    for stage, array in zip(numbers, made, strict=True):
        print(f"stage {stage}: job {array.number}, {stages.FOLDER}/stage{stage}.log")


if __name__ == "__main__":
    with one_line_errors("utils/submit_all.py"):
        main()
