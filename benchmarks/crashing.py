"""The crash of a node of a throwaway Slurm on this machine: for benchmarks/chaos.py."""

import contextlib
import os
import signal
from pathlib import Path


def crash(cluster, among):
    """SIGKILL to the daemon of a node and to all that it runs; returns the node.

    Of the nodes that run something, `among`, from 0 to 1, says which.
    """
    there = running(cluster)
    nodes = sorted(there) or ["n1"]
    node = nodes[int(among * len(nodes))]
    cluster.kill(f"slurmd-{node}")
    for pid in there.get(node, ()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return node


def running(cluster):
    """{node: its step daemons, then what they run}, by the environment of each process."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = place.joinpath("environ").read_text(errors="replace").split("\0")
            settings = dict(word.partition("=")[::2] for word in words)
            if settings.get("SLURM_CONF") == str(cluster.conf) and "SLURMD_NODENAME" in settings:
                found.setdefault(settings["SLURMD_NODENAME"], []).append(int(place.name))
    return {node: list(dict.fromkeys([*daemons(pids), *pids])) for node, pids in found.items()}


def daemons(pids):
    """The slurmstepd above each process."""
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            while pid > 1 and "slurmstepd" not in Path(f"/proc/{pid}/comm").read_text():
                pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if pid > 1:
                yield pid
