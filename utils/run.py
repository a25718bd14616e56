#!/usr/bin/env python3
"""Run a command, or the same command for several jobs at once, unless it is done already.

The call is Kaldi's: run.py [options] NAME=FIRST:LAST|A,B,... LOG COMMAND... . NAME is replaced
by each job's value and NJ by the number of jobs, in LOG, COMMAND and the options; no shell sees any
of it. SLOTS is replaced by the number of --slots. Each log begins with its command. The command is
looked for in the current folder, then in the repository's root.

With --done FILE, a job that ends well writes FILE last: the command, and the SHA-256 of each of
--from "FILES" (a name may hold *) as it was when the job began. A later call with the same command
and files is skipped; with others it stops and says what to remove. Where FILE does not contain
NAME, it stands for all jobs together. How many jobs and slots there were is not part of it.
"""

import argparse
import contextlib
import fcntl
import glob
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from antispoof.errors import UserError, explain_signal, one_line_errors
from antispoof.files import atomic_open, sha256_file
from antispoof.paths import find

TAIL_LINES = 12
EXAMPLE = (
    "example:\n  utils/run.py --slots 4 JOB=1:4 log/x.JOB.log steps/x.py --share JOB/NJ data/train"
)


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--done", help="file that says what was done")
    parser.add_argument("--from", dest="inputs", default="", help="files that the result rests on")
    parser.add_argument(
        "--renew", action="store_true", help="if it was done otherwise, do it again; do not stop"
    )
    parser.add_argument("--slots", type=int, default=1, help="jobs at a time")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="[NAME=VALUES] LOG COMMAND...")
    args = parser.parse_args(argv)
    args.name, args.values = "", [""]
    if args.rest and "=" in args.rest[0] and args.rest[0].partition("=")[0].isupper():
        args.name, _, values = args.rest.pop(0).partition("=")
        args.values = expand(values)
    if len(args.rest) < 2:
        parser.error("wanted LOG and COMMAND")
    args.log, *args.command = args.rest
    return args


def expand(values):
    first, colon, last = values.partition(":")
    if colon and first.isdigit() and last.isdigit() and int(first) <= int(last):
        return [str(number) for number in range(int(first), int(last) + 1)]
    if colon or not all(values.split(",")):
        raise UserError(f"'{values}': wanted FIRST:LAST or A,B,...")
    return values.split(",")


def files(text):
    """The files that `text` names: those that match where it holds a `*`, else itself."""
    return glob.glob(text) if "*" in text else [text]


class Job:
    """One value of NAME: its command, log, and what says that it is done."""

    def __init__(self, args, value):
        def fill(text):
            return text.replace(args.name, value) if args.name else text

        def count(text):
            return text.replace("NJ", str(len(args.values))).replace("SLOTS", str(args.slots))

        self.words = [count(fill(word)) for word in args.command]
        self.log = Path(fill(args.log))
        self.renew = args.renew
        self.done = Path(fill(args.done)) if args.done else None
        self.shared = bool(args.name) and bool(args.done) and args.name not in args.done
        self.inputs = sorted({path for text in fill(args.inputs).split() for path in files(text)})
        recorded = args.command if self.shared else [fill(word) for word in args.command]
        self.record = shlex.join(recorded)

    def read_inputs(self):
        """Note the lines that `done` is to hold: what the inputs are before the job begins."""
        hashes = [f"{sha256_file(find(path))}  {path}" for path in self.inputs]
        self.stamp = [self.record, *hashes]

    def is_done(self):
        """Whether `done` says so; raises UserError where it tells of something else."""
        if self.done is None or not self.done.exists():
            return False
        found, wanted = self.done.read_text("utf-8").splitlines(), self.stamp
        if found == wanted or self.renew:
            return found == wanted
        if found[:1] != wanted[:1]:
            what = f"was made by another command ({found[0] if found else '?'}; now {wanted[0]})"
        else:
            changed = next(
                line for line in [*wanted, *found] if line not in found or line not in wanted
            )
            what = f"rests on another {changed.split('  ', 1)[-1]} than there is now"
        owned = self.done.parent if self.done.name == ".done" else self.done
        raise UserError(f"{self.done}: {what}; to make it anew: rm -r {shlex.quote(str(owned))}")

    def start(self, folder):
        """Start the command with its log; returns the process."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.progress = Path(folder, self.log.name + str(id(self)))
        environment = dict(os.environ, ANTISPOOF_PROGRESS=str(self.progress))
        # One thread, unless the user says otherwise: another number rounds in another way, and the
        # threads of jobs that share cores spend their time waiting for each other.
        environment.setdefault("OMP_NUM_THREADS", "1")
        program = str(find(self.words[0]).absolute()) if "/" in self.words[0] else self.words[0]
        prefix = [sys.executable] if program.endswith(".py") else []
        with open(self.log, "a", encoding="utf-8") as log:
            self.lock(log)
            log.truncate(0)
            log.write(f"# {shlex.join(self.words)}\n# started {time.strftime('%F %T')}\n")
            log.flush()
            return subprocess.Popen(
                [*prefix, program, *self.words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def lock(self, log):
        """Hold `log` as long as the job or its child lives, even where this launcher is killed."""
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{self.log}: another run is at work on this; wait for it, or end it"
            ) from None

    def finish(self, status, seconds):
        self.status = status
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"# ended with status {status} after {seconds:.0f} s\n")
        if status == 0 and self.done is not None and not self.shared:
            self.write_done()

    def write_done(self):
        with atomic_open(self.done) as stream:
            stream.writelines(line + "\n" for line in self.stamp)


def run_all(jobs, slots):
    """Run `jobs`, at most `slots` at a time; returns the failed ones."""
    waiting, running, failed, ended = list(jobs), {}, [], []
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        # noted, and acted on between jobs: one that has just begun must not be left behind
        signal.signal(number, lambda *_, status=status: ended.append(status))
    with tempfile.TemporaryDirectory(prefix="antispoof-run-") as folder:
        try:
            while (waiting or running) and not ended:
                while waiting and len(running) < slots and not failed:
                    job = waiting.pop(0)
                    running[job] = (job.start(folder), time.monotonic())
                if failed and not running:
                    break
                time.sleep(0.02)
                show(running)
                for job, (process, started) in list(running.items()):
                    if process.poll() is not None:
                        del running[job]
                        job.finish(process.returncode, time.monotonic() - started)
                        failed += [job] if process.returncode else []
        finally:
            clear()
            for process, _ in running.values():  # interrupted: leave no job behind
                process.terminate()
                process.wait()
    if ended:
        raise SystemExit(ended[0])
    return failed


def show(running, state={"next": 0.0}):  # noqa: B006 - one clock for the whole program
    now = time.monotonic()
    if now < state["next"]:
        return
    state["next"] = now + (0.5 if sys.stderr.isatty() else 30.0)
    lines = []
    for job in running:
        with contextlib.suppress(OSError):
            lines.append(job.progress.read_text("utf-8"))
    if lines and sys.stderr.isatty():
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # 0: not known
        sys.stderr.write("\r\033[K" + " | ".join(lines)[:width])
        sys.stderr.flush()
    elif lines:
        sys.stderr.write("".join(f"  {line}\n" for line in lines))


def clear():
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def report_failure(job):
    lines = job.log.read_text("utf-8", errors="replace").splitlines()
    lines = [line for line in lines if not line.startswith("# ")] or ["(it said nothing)"]
    said = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
    sys.stderr.write(
        f"failed: {shlex.join(job.words)}\n{explain_signal(job.status)}"
        f"  last lines of {job.log}:\n{said}\n"
    )


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # before any job has begun
    args = parse()
    jobs = [Job(args, value) for value in args.values]
    for job in jobs:
        job.read_inputs()
    todo = [job for job in jobs if not job.is_done()]
    shown = shlex.join(jobs[0].words)
    if len(jobs) > 1:
        shown = shlex.join([f"{args.name}={','.join(args.values)}", *args.command])
    if not todo:
        print(f"skip: {shown}", flush=True)
        return
    print(f"$ {shown}", flush=True)
    started = time.monotonic()
    slots = max(1, args.slots)
    failed = run_all(todo, slots)
    for job in failed:
        report_failure(job)
    if failed:
        raise SystemExit(1)
    if jobs[0].shared:
        jobs[0].write_done()
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    with one_line_errors("utils/run.py"):
        main()
