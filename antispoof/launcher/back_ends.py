"""Where jobs run: on this machine, or as tasks of a cluster's scheduler."""

from collections.abc import Sequence

from . import arrays, local
from .cluster import Cluster, load_cluster
from .job import Job, Request
from .scheduler import Scheduler
from .sge import Sge
from .slurm import Slurm

SCHEDULERS: dict[str, type[Scheduler]] = {"slurm": Slurm, "sge": Sge}


def run(jobs: Sequence[Job], request: Request) -> list[Job]:
    """Run `jobs`; returns those that failed."""
    if request.cluster == "local":
        return local.run(jobs, request)
    cluster = load_cluster(request.cluster)
    return arrays.run(jobs, request, cluster, scheduler_of(cluster))


def scheduler_of(cluster: Cluster) -> Scheduler:
    """What answers for a cluster."""
    return SCHEDULERS[cluster.conf["scheduler"]]()
