"""What a cluster is: a file of conf/cluster/ that says which scheduler, and how it is asked.

    scheduler: slurm
    queue: gpu                # the partition
    options: {queue: ["--partition={queue}"], mem: ["--mem={mem}M"]}

`options` says which words of the scheduler's command stand for each thing that a job asks for. In
them {mem} is in MiB, {mem_each} the same per core, {time} in minutes, {seconds} the same time in
seconds, {soft} 20 seconds less, {threads} the cores and {gpu} the GPUs of a job, or on several
{nodes} of each, {queue} and {account} what the file says.
"""

import dataclasses
from pathlib import Path
from typing import Any

from ..config import load_config
from ..config.keys import Choice, Key, Number, Whole, refuse
from ..errors import UserError
from ..paths import exists
from .amounts import megabytes, minutes
from .job import Request
from .jobs import fill


@dataclasses.dataclass(frozen=True)
class Flags(Key):
    """A list of words of a scheduler's command."""

    def check(self, value: Any, path: str | Path, name: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            refuse(path, name, value, 'a list of words, e.g. ["--qos=long"]')
        return value


OPTIONS = ("queue", "account", "mem", "threads", "gpu", "time", "nodes")
CLUSTER_KEYS = {
    "scheduler": Choice("slurm", ("slurm", "sge")),
    "queue": Key(""),  # the partition or queue; empty: the cluster's default
    "account": Key(""),
    "flags": Flags([]),  # further words, as they are
    "options": {name: Flags([]) for name in OPTIONS},
    "defaults": {"mem": Key(""), "threads": Whole(1), "time": Key("")},
    "retries": Whole(2),  # how often a task is submitted again that a node or the scheduler lost
    "array": Whole(1000, least=1),  # tasks of one array
    "late": Number(5.0, least=0),  # seconds that a file written on a node may be late
    "poll": {  # seconds
        "files": Number(1.0, above=0),  # between looks at status files, at most
        "least": Number(1.0, least=1),  # between questions to the scheduler, in the beginning
        "most": Number(10.0, least=1),  # ... and later
    },
}


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The settings of a cluster, and the file that says so."""

    path: str
    conf: dict[str, Any]

    def flags(self, request: Request) -> list[str]:
        """The words of the scheduler's command for what each job asks for. Raises UserError."""
        defaults = self.conf["defaults"]
        time = minutes(request.time or defaults["time"])
        asked = {
            "queue": self.conf["queue"],
            "account": self.conf["account"],
            "mem": megabytes(request.mem or defaults["mem"]),
            "threads": request.threads or defaults["threads"],
            "gpu": request.gpu,
            "time": time,
            "nodes": request.nodes if request.nodes > 1 else 0,
        }
        words, each = list(self.conf["flags"]), asked["mem"] // max(1, asked["threads"])
        values = {**asked, "mem_each": each, "seconds": time * 60, "soft": time * 60 - 20}
        for name, value in asked.items():
            given = self.conf["options"][name]
            if value and not given and (name, value) != ("threads", 1):
                raise UserError(
                    f"{self.path}: 'options.{name}' is empty, wanted the words that ask for "
                    f"{name} {value}"
                )
            if value:
                words += [fill(word, values) for word in given]
        return words

    def retries(self, request: Request) -> int:
        return self.conf["retries"] if request.retries is None else request.retries


def load_cluster(name: str) -> Cluster:
    """The cluster `name`: a path of a YAML file, or the name of one of conf/cluster/."""
    path = (
        Path(name) if "/" in name or name.endswith(".yaml") else Path(f"conf/cluster/{name}.yaml")
    )
    if not exists(path):
        raise UserError(f"--cluster {name}: no {path}, wanted local, or a file of conf/cluster/")
    return Cluster(str(path), load_config(path, CLUSTER_KEYS))
