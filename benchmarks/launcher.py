#!/usr/bin/env python3
"""What does the launcher cost? Calls of utils/run.py with tasks that do nothing, in seconds.

Local against `xargs -P`; Slurm against `sbatch` of the same array, with `squeue` asked each --pause
seconds until nothing is left; Grid Engine against `qsub` and `qstat` alike. In turn, in one run;
the least of --rounds counts. The clusters are those of the tests: daemons of this machine, in a
temporary folder. A scheduler whose programs are missing is left out.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from antispoof.errors import one_line_errors

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests/helpers"))  # PYTHONSAFEPATH leaves it out
import sge_cluster  # noqa: E402
import slurm_cluster  # noqa: E402

SCRIPT = "#!/bin/sh\ntrue\n"


def call(words, folder):
    """What a command says; fails where it does."""
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def ours(cluster):
    """(count, slots, folder, pause) -> None, by utils/run.py."""

    def work(count, slots, folder, _):
        words = [sys.executable, str(ROOT / "utils/run.py"), "--cluster", cluster]
        words += ["--slots", str(slots), f"JOB=1:{count}", "log/{job}.log", "true"]
        call(words, folder)

    return work


def xargs(count, slots, folder, _):
    numbers = "\n".join(map(str, range(count)))
    words = ["xargs", "-P", str(slots), "-n", "1", "sh", "-c", "true"]
    subprocess.run(words, cwd=folder, input=numbers, text=True, check=True)


def sbatch(count, slots, folder, pause):
    words = ["sbatch", "--parsable", f"--array=1-{count}%{slots}", "--output=%a.out", "plain.sh"]
    job = call(words, folder)
    while call(["squeue", "-h", "-j", job], folder):
        time.sleep(pause)


def qsub(count, slots, folder, pause):
    words = ["qsub", "-terse", "-t", f"1-{count}", "-tc", str(slots), "-cwd", "-j", "y"]
    job = call([*words, "-o", "$TASK_ID.out", "plain.sh"], folder).partition(".")[0]
    while any(line.split()[0] == job for line in call(["qstat"], folder).splitlines() if line):
        time.sleep(pause)


KINDS = {
    "local": (None, ("xargs", xargs)),
    "slurm": (slurm_cluster, ("sbatch", sbatch)),
    "sge": (sge_cluster, ("qsub", qsub)),
}


@contextlib.contextmanager
def raised(module):
    """The environment that leads to a cluster, which ends with the block."""
    cluster = module.CLUSTER()
    try:
        cluster.start()
        yield cluster.environment
    finally:
        cluster.stop()


def seconds(work, count, slots, pause):
    """How long `work` takes in a new folder."""
    with tempfile.TemporaryDirectory(prefix="launcher-") as folder:
        Path(folder, "plain.sh").write_text(SCRIPT)
        started = time.monotonic()
        work(count, slots, folder, pause)
        return time.monotonic() - started


def compare(kind, plain, args):
    """Print a line for each number of tasks."""
    name, plainly = plain
    seconds(plainly, 1, 1, args.pause)  # a scheduler that has just begun is slow once
    for count in args.tasks:
        times = {ours(kind): [], plainly: []}
        for _ in range(args.rounds):
            for work, found in times.items():
                found.append(seconds(work, count, args.slots, args.pause))
        own, other = (min(found) for found in times.values())
        ratio = f"{own / other:.2f}" if kind != "local" else ""
        print(f"| {kind} | {count} | {own:.2f} | {name} {other:.2f} | {ratio} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[4, 100], help="numbers of tasks")
    parser.add_argument("--slots", type=int, default=4, help="tasks at a time")
    parser.add_argument(
        "--pause", type=float, default=1.0, help="between two plain questions, in s"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    args = parser.parse_args()
    print("| where | tasks | utils/run.py | plain | ratio |\n|---|---|---|---|---|")
    for kind in args.kinds:
        module, plain = KINDS[kind]
        if module and module.MISSING:
            print(f"{kind}: left out, no {', '.join(module.MISSING)}", file=sys.stderr)
            continue
        with raised(module) if module else contextlib.nullcontext({}) as environment:
            os.environ.update(environment)
            compare(kind, plain, args)


if __name__ == "__main__":
    with one_line_errors("benchmarks/launcher.py"):
        main()
