#!/usr/bin/env python3
"""Show the stages, jobs, progress and time left of a recipe that runs, stopped or ended.

It reads files alone, so it works on any machine that sees the recipe's folder: the queues in
exp/log/queue, and the log, stamp and progress file of each job. It changes nothing. A job is done,
running, waiting, failed, or stopped: begun, not ended, and nobody is at work on it.
"""

import argparse
import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

from antispoof.errors import UserError, one_line_errors, printable
from antispoof.launcher.kept import FOLDER, read
from antispoof.launcher.states import STATES, changed, seconds_left, states

EXAMPLE = """
example:
  utils/status.py egs/mini            once
  utils/status.py egs/mini --watch    every two seconds, until the run ends
"""
SHOWN = 12  # jobs in one state


def duration(seconds):
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def read_recipe(folder):
    """[(call, states of its jobs)] of the recipe in the current folder, in the order of stages."""
    paths = sorted(FOLDER.glob("*.jsonl"), key=lambda path: (len(path.name), path.name))
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # removed since it was listed
            found += [(call, list(states(call))) for call in read(path)]
    if not found and not FOLDER.is_dir():  # which is made before the first queue is written
        raise UserError(
            f"{folder}: found no {FOLDER}, wanted the folder of a recipe that was run, e.g. "
            "egs/mini; run it first"
        )
    return found


def verdict(calls):
    """(running, finished, failed or stopped; the call that began last)."""
    newest, jobs = max(calls, key=lambda pair: pair[0].started)
    words = {job.word for job in jobs}
    if newest.run.lives() or (not newest.run.is_here() and "running" in words):
        return "running", newest
    if words == {"done"} and newest.stage == newest.of:
        return "finished", newest
    return ("failed" if "failed" in words else "stopped"), newest


def stage_row(calls, word, newest):
    """The cells of a stage: its name, how many jobs are in each state, and its time."""
    first, jobs = calls[0][0], [job for _, found in calls for job in found]
    counts = [sum(job.word == state for job in jobs) for state in STATES]
    if first.run != newest.run:
        said = "of an earlier run"
    elif any(counts[1:3]):
        parts = [seconds_left(found, call) for call, found in calls]
        said = "not known yet" if None in parts else f"about {duration(sum(parts))} left"
        said = said if word == "running" else ""
    else:
        ends = [changed(job.log) for job in jobs]
        said = f"took {duration(max(0.0, max(ends) - first.started))}"
    return [f"{first.stage} {first.what}", len(jobs), *(count or "" for count in counts), said]


def table(rows):
    """Aligned columns: names and times to the left, numbers to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells[1:-1], row[-1]]).rstrip()


def lines_of(calls, folder):
    """(the word for the run, all lines that are shown)."""
    if not calls:
        return "waiting", [printable(f"{folder}: no stage has begun")]
    word, newest = verdict(calls)
    where = f"on {newest.run.host}, process {newest.run.pid}; " if word == "running" else ""
    lines = [f"{folder}: {word}, {where}stage {newest.stage} of {newest.of}", ""]
    stages = {}
    for call, jobs in calls:
        stages.setdefault(call.stage, []).append((call, jobs))
    rows = [stage_row(found, word, newest) for found in stages.values()]
    lines += table([["stage", "jobs", *STATES, "time"], *rows])
    for state in ("running", "failed", "stopped"):
        jobs = [job for _, found in calls for job in found if job.word == state]
        lines += [""] if jobs else []
        for job in jobs[:SHOWN]:
            took = "" if job.seconds is None else f", {duration(job.seconds)}"
            lines.append(f"{state}: {job.log}{took}{job.note and ': '}{job.note}")
        lines += [f"  and {len(jobs) - SHOWN} more"] if len(jobs) > SHOWN else []
    return word, [printable(line).replace("\n", " ") for line in lines]


def show(folder, redraw):
    """Print it once, over what was there where `redraw`; returns the word for the run."""
    word, lines = lines_of(read_recipe(folder), folder)
    if redraw and sys.stdout.isatty():
        width, height = shutil.get_terminal_size()
        lines = ["\033[H\033[J" + lines[0], *lines[1 : height - 1]]
        lines = [line[: width + 6 * (not number)] for number, line in enumerate(lines)]
    print("\n".join(lines), flush=True)
    return word


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."), metavar="RECIPE_FOLDER")
    parser.add_argument("--watch", action="store_true", help="every two seconds, until it ends")
    args = parser.parse_args()
    if not args.folder.is_dir():
        raise UserError(f"{args.folder}: is no folder, wanted that of a recipe, e.g. egs/mini")
    os.chdir(args.folder)
    while show(args.folder, args.watch) == "running" and args.watch:
        time.sleep(2)


if __name__ == "__main__":
    with one_line_errors("utils/status.py"):
        main()
