"""Where jobs run: on this machine, or as tasks of a cluster's scheduler."""

from collections.abc import Sequence

from ..errors import UserError
from . import arrays, local, records
from .array import Array
from .cluster import Cluster, load_cluster
from .job import Job, Request
from .scheduler import Away, Scheduler
from .sge import Sge
from .slurm import Slurm

SCHEDULERS: dict[str, type[Scheduler]] = {"slurm": Slurm, "sge": Sge}


def check(request: Request) -> None:
    """Refuse a job on several nodes where nothing can start it there."""
    name = request.cluster
    if request.nodes > 1 and name != "local":
        name = load_cluster(name).conf["scheduler"]
    if request.nodes > 1 and name != "slurm":
        raise UserError(
            f"--nodes {request.nodes}: found --cluster {request.cluster}, where a job runs on one "
            "node; wanted a cluster of Slurm, or the processes of a training on one node"
        )


def run(jobs: Sequence[Job], request: Request) -> list[Job]:
    """Run `jobs`; returns those that failed."""
    check(request)
    if request.cluster == "local":
        keep_apart(jobs, "")
        return local.run(jobs, request)
    cluster = load_cluster(request.cluster)
    keep_apart(jobs, cluster.conf["scheduler"])
    return arrays.run(jobs, request, cluster, scheduler_of(cluster))


def keep_apart(jobs: Sequence[Job], own: str) -> None:
    """Refuse a job that is at work elsewhere, in the care of a launcher that was killed.

    own: the scheduler that these jobs go to; empty for this machine, where the log is locked.
    """
    for job in jobs:
        if own and job.log.exists():
            with open(job.log, "a", encoding="utf-8") as log:
                job.lock(log)
        place = records.place_of(job)
        if place is None or place[0] in (own, "") or place[0] not in SCHEDULERS:
            continue
        scheduler, array = SCHEDULERS[place[0]](), place[1]
        if at_work(array, scheduler):
            raise UserError(
                f"{job.log}: a task of {place[0]} may be at work on this; wait for it with the "
                f"--cluster of before, or cancel it: {scheduler.by_hand(array.name, array.part())}"
            )
        records.forget(array)


def at_work(array: Array, scheduler: Scheduler) -> bool:
    """Whether a task of another launcher may be in the queue still."""
    if array.ended():
        return False
    array.await_submission()
    try:
        states = scheduler.states(array.name, array.number)
    except (Away, UserError):
        return True
    return any(not state.over for task, state in states.items() if array.has(task))


def scheduler_of(cluster: Cluster) -> Scheduler:
    """What answers for a cluster."""
    return SCHEDULERS[cluster.conf["scheduler"]]()
