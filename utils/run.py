#!/usr/bin/env python3
"""Run a command, or the same command for several jobs at once, unless it is done already.

The call is Kaldi's: run.py [options] NAME=FIRST:LAST|A,B,... LOG COMMAND... . In LOG, COMMAND and
the options, {name}, in braces and small letters, becomes each job's value, {jobs} the number of
jobs, {slots} that of --slots. Another {word} is refused; a brace itself is written twice. No shell
sees any of it. Each log begins with its command. The command is looked for in the current folder,
then in the repository's root.

With --gpu N, each job has N GPUs to itself, through CUDA_VISIBLE_DEVICES: as many jobs run at a
time as there are GPUs for, whatever --slots says. Without a GPU, --slots counts.

With --done FILE, a job that ends well writes FILE last: the command, and the SHA-256 of each of
--from "FILES" (quoted as for a shell; a name may hold *) as it was when the job began. A later call
with the same command and files is skipped; with others it stops and says what to remove. Where
FILE does not contain {name}, it stands for all jobs together. How many jobs, slots and GPUs there
were is not part of it.

SIGTERM, SIGINT or SIGHUP ends the jobs, with all that they began, and then this launcher. So does
the end of the process --parent PID, which started it: no signal can say that it was killed.
"""

import argparse
import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from antispoof.errors import UserError, explain_signal, one_line_errors
from antispoof.launcher.jobs import expand, fill, places
from antispoof.launcher.processes import end
from antispoof.launcher.stamps import Stamp, words_of
from antispoof.paths import find

TAIL_LINES = 12
EXAMPLE = """example:
  utils/run.py --slots 4 JOB=1:4 log/x.{job}.log steps/x.py --share {job}/{jobs} data/train"""


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
    parser.add_argument("--gpu", type=int, default=0, metavar="N", help="GPUs of each job")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end when it ends")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="[NAME=VALUES] LOG COMMAND...")
    args = parser.parse_args(argv)
    args.name, args.values = "", [""]
    if args.rest and "=" in args.rest[0] and args.rest[0].partition("=")[0].isupper():
        args.name, _, values = args.rest.pop(0).partition("=")
        args.values = expand(values)
    args.slots, args.gpu = max(1, args.slots), max(0, args.gpu)
    if len(args.rest) < 2:
        parser.error("wanted LOG and COMMAND")
    args.log, *args.command = args.rest
    return args


class Job:
    """One value of NAME: its command, log, and what says that it is done."""

    def __init__(self, args, value):
        name = args.name.lower()
        own = {name: value} if name else {}
        values = {**own, "jobs": len(args.values), "slots": args.slots}
        self.words = [fill(word, values) for word in args.command]
        self.log = Path(fill(args.log, values))
        self.stamp = self.place = None
        self.shared = bool(name) and bool(args.done) and f"{{{name}}}" not in args.done
        if args.done:
            recorded = {name: f"{{{name}}}"} if self.shared else own
            recorded = {**recorded, "jobs": "{jobs}", "slots": "{slots}"}
            record = shlex.join(fill(word, recorded) for word in args.command)
            inputs = [fill(word, values) for word in words_of(args.inputs)]
            self.stamp = Stamp(Path(fill(args.done, values)), record, inputs, args.renew)

    def start(self, folder):
        """Start the command with its log, on the GPUs of its place; returns the process."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.progress = Path(folder, self.log.name + str(id(self)))
        environment = dict(os.environ, ANTISPOOF_PROGRESS=str(self.progress))
        if self.place is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self.place
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
        if status == 0 and self.stamp and not self.shared:
            self.stamp.write()


def note_signals():
    """A list to which a signal that is to end this launcher adds the exit status.

    Noted, and acted on between jobs: one that has just begun must not be left behind.
    """
    ended = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as by nohup
            signal.signal(number, lambda number, _: ended.append(128 + number))
    return ended


def run_all(jobs, free, parent=0):
    """Run `jobs`, each in a place of the list `free`, while `parent` lives; returns the failed."""
    waiting, running, failed, ended = list(jobs), {}, [], note_signals()
    with tempfile.TemporaryDirectory(prefix="antispoof-run-") as folder:
        try:
            while (waiting or running) and not ended:
                if parent and os.getppid() != parent:
                    ended.append(143)
                    break
                while waiting and free and not failed:
                    job = waiting.pop(0)
                    job.place = free.pop(0)
                    running[job] = (job.start(folder), time.monotonic())
                if failed and not running:
                    break
                time.sleep(0.02)
                show(running)
                for job, (process, started) in list(running.items()):
                    if process.poll() is not None:
                        del running[job]
                        free.append(job.place)
                        job.finish(process.returncode, time.monotonic() - started)
                        failed += [job] if process.returncode else []
        finally:
            end([process for process, _ in running.values()])  # interrupted: leave no job behind
            with contextlib.suppress(OSError):  # a terminal that is gone
                clear()
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
    todo = [job for job in jobs if not (job.stamp and job.stamp.is_there())]
    shown = shlex.join(jobs[0].words)
    if len(jobs) > 1:
        shown = shlex.join([f"{args.name}={','.join(args.values)}", *args.command])
    if not todo:
        print(f"skip: {shown}", flush=True)
        return
    print(f"$ {shown}", flush=True)
    started = time.monotonic()
    failed = run_all(todo, places(args.gpu, min(args.slots, len(todo))), args.parent)
    for job in failed:
        report_failure(job)
    if failed:
        raise SystemExit(1)
    if jobs[0].shared:
        jobs[0].stamp.write()
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    with one_line_errors("utils/run.py"):
        main()
