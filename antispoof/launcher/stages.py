"""All stages of a recipe in a scheduler's queue at once, each to begin after the one before it.

The job of a stage, its driver, runs run.sh for that stage alone, which hands the stage's own jobs
to the same cluster: what is done is skipped, and what is lost is submitted again. exp/log/stages/
holds jobs.json, which says what was submitted, and a log for each stage. A stage that does not end
well takes those behind it out of the queue and says so in its log.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..data.json_files import write_json
from ..errors import UserError
from .array import Array, new_array
from .back_ends import scheduler_of
from .cluster import load_cluster
from .job import Job, Request
from .scheduler import Away, Scheduler

FOLDER = Path("exp/log/stages")
RECORD = FOLDER / "jobs.json"
PATIENCE = 60.0  # seconds in which the scheduler has to answer
Words = Callable[[int], Sequence[str]]


def submit(cluster_name: str, stages: Sequence[int], words: Words) -> list[Array]:
    """Submit the drivers of `stages`, whose commands `words` gives; returns their arrays.

    Raises UserError where stages of an earlier call are in the queue still, or the scheduler
    refuses; none of this call is left in the queue then.
    """
    if cluster_name == "local":
        raise UserError("--submit-all: found no cluster, wanted one by --cluster, e.g. slurm")
    cluster = load_cluster(cluster_name)
    scheduler = scheduler_of(cluster)
    for stage, array in read().items():
        states = ask(partial(scheduler.states, array.name, array.number))
        if any(not state.over for state in states.values()):
            raise UserError(
                f"{RECORD}: stage {stage} is in the queue still, as job {array.number}; wait for "
                "it, or cancel it"
            )
        array.remove()
    flags, made = [*cluster.flags(Request()), *scheduler.kept()], list[Array]()
    try:
        drivers = [Job(list(words(stage)), FOLDER / f"stage{stage}.log") for stage in stages]
        arrays = [new_array([job], {job: 1}) for job in drivers]
        write(dict(zip(stages, arrays, strict=True)))  # a driver may begin at once
        for array in arrays:
            after = scheduler.after(made[-1].name, made[-1].number) if made else []
            made.append(array)
            hand_over(array, scheduler, [*flags, *after])
            write(dict(zip(stages, arrays, strict=True)))
    except BaseException:
        for array in made:
            with contextlib.suppress(Away, UserError):
                scheduler.cancel(array.name, array.number)
        raise
    return made


def hand_over(array: Array, scheduler: Scheduler, flags: Sequence[str]) -> None:
    """Submit an array once, also where the scheduler does not say that it took it."""

    def submit() -> None:
        try:
            array.submit(scheduler, flags, 1)
        except Away:  # it may be in the queue, with a number that was not heard
            ask(partial(scheduler.cancel, array.name, ""))
            raise

    ask(submit)


def drive(cluster_name: str, stage: int, command: Sequence[str]) -> int:
    """Run the `command` of a stage as its driver; returns its status. Signals are passed on.

    Where it fails, or the stage before it did, the stages behind it leave the queue.
    """
    before = read().get(stage - 1)
    if before and (before.status(1) or {}).get("status") != 0:
        say(f"stage {stage} does not begin: stage {stage - 1} did not end well")
        return give_up(cluster_name, stage, 1)
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: child.send_signal(n))
    status = child.wait()
    return give_up(cluster_name, stage, status) if status else 0


def give_up(cluster_name: str, stage: int, status: int) -> int:
    """Take the stages behind `stage` out of the queue, and say so; returns `status`, above 0."""
    scheduler, behind = scheduler_of(load_cluster(cluster_name)), []
    for number, array in read().items():
        if number > stage:
            ask(partial(scheduler.cancel, array.name, array.number))
            behind.append(str(number))
    if behind:
        say(f"stage {stage} failed: cancelled stage {', '.join(behind)}")
    return status if status > 0 else 128 - status


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read() -> dict[int, Array]:
    """{stage: its array} of what was submitted last."""
    try:
        found = json.loads(RECORD.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {
        int(stage): Array(one["name"], Path(one["folder"]), {}, one["number"])
        for stage, one in found.items()
    }


def write(arrays: dict[int, Array]) -> None:
    write_json(
        RECORD,
        {
            str(stage): {"name": a.name, "number": a.number, "folder": str(a.folder)}
            for stage, a in arrays.items()
        },
    )


def ask(question: Callable[[], Any]) -> Any:
    """What the scheduler answers; waits for it. Raises UserError where it does not in a minute."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return question()
        except Away as error:
            if time.monotonic() > until:
                raise UserError(f"--cluster: the scheduler does not answer: {error}") from None
            sys.stderr.write(f"  cluster: does not answer, waits for it: {error}\n")
            time.sleep(2)
