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

With --queue, which run.sh uses, the commands come from stdin: a line of JSON each, whose last word
is what it makes. Log and stamp follow from that, and what it rests on from the files that it names:
see antispoof/launcher/queue.py and reads.py. Those that ask for the same run side by side.

A job has failed, and leaves no FILE, where one of its files is another when it ends.

SIGTERM, SIGINT or SIGHUP ends the jobs, with all that they began, and then this launcher. So does
the end of the process --parent PID, which started it: no signal can say that it was killed.

With --cluster NAME, jobs are tasks of a scheduler: see conf/cluster/ and docs/clusters.md. On this
machine no more jobs run at a time than --mem and --threads leave room for.
"""

import argparse
import collections
import dataclasses
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.launcher import back_ends
from antispoof.launcher.failures import report_failures
from antispoof.launcher.job import Job, Request
from antispoof.launcher.jobs import expand, fill
from antispoof.launcher.stamps import NOT_DONE, Stamp, words_of

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
    parser.add_argument("--queue", action="store_true", help="run the commands of stdin")
    parser.add_argument(
        "--dry-run", action="store_true", help="of --queue: say what would run, and why"
    )
    parser.add_argument(
        "--stage", metavar="'N of M: WHAT'", help="of --queue: leave it on disk for utils/status.py"
    )
    parser.add_argument("--slots", type=int, default=1, help="jobs at a time")
    parser.add_argument("--gpu", type=int, default=0, metavar="N", help="GPUs of each job")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end when it ends")
    cluster = os.environ.get("ANTISPOOF_CLUSTER") or "local"
    parser.add_argument("--cluster", default=cluster, help="local, or a file of conf/cluster/")
    parser.add_argument("--mem", default="", help="memory of each job, e.g. 4G")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="cores of each job")
    parser.add_argument("--time", default="", help="time limit of each job on a cluster, e.g. 12h")
    parser.add_argument("--retries", type=int, metavar="N", help="of what a cluster lost")
    parser.add_argument(
        "--nodes", type=int, default=1, metavar="N", help="of each job, which runs once on each"
    )
    parser.add_argument(
        "--resumes", metavar="FILE", help="if it is new when a time limit comes, the job goes on"
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="[NAME=VALUES] LOG COMMAND...")
    args = parser.parse_args(argv)
    args.name, args.values = "", [""]
    if args.rest and "=" in args.rest[0] and args.rest[0].partition("=")[0].isupper():
        args.name, _, values = args.rest.pop(0).partition("=")
        args.values = expand(values)
    args.slots, args.nodes, args.gpu = max(1, args.slots), max(1, args.nodes), max(0, args.gpu)
    if args.queue and not args.rest:
        return args
    if len(args.rest) < 2:
        parser.error("wanted LOG and COMMAND")
    args.log, *args.command = args.rest
    return args


def job_of(args, value):
    """The job of one value of NAME."""
    name = args.name.lower()
    own = {name: value} if name else {}
    values = {**own, "jobs": len(args.values), "slots": args.slots}
    words = [fill(word, values) for word in args.command]
    job = Job(words, Path(fill(args.log, values)))
    job.resumes = Path(fill(args.resumes, values)) if args.resumes else None
    if not args.done:
        return job
    shared = bool(name) and f"{{{name}}}" not in args.done
    recorded = {name: f"{{{name}}}"} if shared else own
    recorded = {**recorded, "jobs": "{jobs}", "slots": "{slots}"}
    record = shlex.join(fill(word, recorded) for word in args.command)
    inputs = [fill(word, values) for word in words_of(args.inputs)]
    job.stamp = Stamp(Path(fill(args.done, values)), record, inputs, args.renew)
    job.shared = shared
    return job


def request_of(args):
    """What the options ask for."""
    names = [field.name for field in dataclasses.fields(Request)]
    return Request(**{name: getattr(args, name) for name in names})


def run_queue(args):
    """Run what is not done of the commands of stdin; those that ask for the same together."""
    from antispoof.config import named_by
    from antispoof.launcher.queue import read_queue

    tasks = read_queue(sys.stdin)
    for task in tasks:
        back_ends.check(dataclasses.replace(request_of(args), nodes=task.nodes))
    if args.dry_run:
        return explain(tasks, named_by)
    todo, skipped = {}, collections.Counter()
    for task in tasks:
        stamp = task.stamp(named_by)
        if stamp.is_there():
            skipped[task.name] += 1
        else:
            todo.setdefault((task.gpu, task.nodes), []).append((task, stamp))
    if args.stage:
        keep_queue(args, tasks, {task for group in todo.values() for task, _ in group})
    for name, count in skipped.items():
        print(f"skip: {name}{f', {count} of it' if count > 1 else ''}", flush=True)
    for (gpu, nodes), group in todo.items():
        for task, _ in group:
            print(f"$ {shlex.join(task.words)}", flush=True)
        found = [task.jobs(stamp, args.cluster != "local") for task, stamp in group]
        jobs = [job for shares, _ in found for job in shares]
        run_jobs(jobs, dataclasses.replace(request_of(args), gpu=gpu, nodes=nodes))
        joins = [job for _, behind in found for job in behind]
        for job in joins:
            print(f"$ {shlex.join(job.words)}", flush=True)
        if joins:
            run_jobs(joins, request_of(args))


def keep_queue(args, tasks, todo):
    """Leave the queue on disk; where nothing is to be done, the disk may be read-only."""
    from antispoof.launcher.kept import keep

    try:
        keep(args.stage, tasks, todo, Request(args.slots, 0, args.parent))
    except OSError:
        if todo:
            raise


def explain(tasks, parents):
    """Print of each command whether it would run, and why."""
    for task in tasks:
        try:
            why = task.stamp(parents).why()
        except UserError as error:  # what it rests on is not made yet
            why = f"waits: {error}"
        would = "would run" if task.renew or why.startswith((NOT_DONE, "waits: ")) else "would stop"
        print(f"{would if why else 'skip'}: {shlex.join(task.words)}", end="")
        print(f"\n  {task.out} {why}" if why else "")


def run_jobs(jobs, request):
    """Run jobs, and say how long it took; ends the program where one failed."""
    started = time.monotonic()
    failed = back_ends.run(jobs, request)
    if failed:
        report_failures(failed, len(jobs), request.cluster)
        raise SystemExit(1)
    if jobs[0].shared:
        jobs[0].stamp.write()
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # before any job has begun
    args = parse()
    if args.queue:
        return run_queue(args)
    jobs = [job_of(args, value) for value in args.values]
    todo = [job for job in jobs if not (job.stamp and job.stamp.is_there())]
    shown = shlex.join(jobs[0].words)
    if len(jobs) > 1:
        shown = shlex.join([f"{args.name}={','.join(args.values)}", *args.command])
    if not todo:
        print(f"skip: {shown}", flush=True)
        return
    print(f"$ {shown}", flush=True)
    run_jobs(todo, request_of(args))


if __name__ == "__main__":
    with one_line_errors("utils/run.py"):
        main()
