"""Where jobs run: on this machine, or as tasks of a cluster's scheduler."""

from collections.abc import Callable, Sequence

from . import arrays, local
from .cluster import load_cluster
from .job import Job, Request
from .scheduler import Scheduler
from .sge import Sge
from .slurm import Slurm

SCHEDULERS: dict[str, Callable[[], Scheduler]] = {"slurm": Slurm, "sge": Sge}


def run(jobs: Sequence[Job], request: Request) -> list[Job]:
    """Run `jobs`; returns those that failed."""
    if request.cluster == "local":
        return local.run(jobs, request)
    cluster = load_cluster(request.cluster)
    return arrays.run(jobs, request, cluster, SCHEDULERS[cluster.conf["scheduler"]]())
