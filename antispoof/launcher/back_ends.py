"""Where jobs run: on this machine, or as tasks of a cluster's scheduler."""

from collections.abc import Sequence

from ..errors import UserError
from . import arrays, local
from .cluster import Cluster, load_cluster
from .job import Job, Request
from .scheduler import Scheduler
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
        return local.run(jobs, request)
    cluster = load_cluster(request.cluster)
    return arrays.run(jobs, request, cluster, scheduler_of(cluster))


def scheduler_of(cluster: Cluster) -> Scheduler:
    """What answers for a cluster."""
    return SCHEDULERS[cluster.conf["scheduler"]]()
