"""Processes that learn together: how many on how many nodes, and torchrun, which starts them."""

import os
import re
import sys
from collections.abc import Sequence

from ..errors import UserError


def read_processes(text: str) -> tuple[int, int]:
    """(nodes, processes on each) of `4`, or of `2x4` for 4 on each of 2 nodes. Raises UserError."""
    found = re.fullmatch(r"(?:([1-9]\d{0,3})x)?([1-9]\d{0,3})", text)
    if not found:
        raise UserError(f"--processes {text}: wanted e.g. 4, or 2x4 for 4 on each of 2 nodes")
    return int(found[1] or 1), int(found[2])


def start_team(text: str, argv: Sequence[str]) -> None:
    """Become torchrun, which starts the program `argv` as often as `text` says, e.g. `4` or `2x4`.

    Returns in a process that torchrun started, and where one process is enough. On several nodes
    this is called on each; the launcher's job says where they meet. Raises UserError without one.
    """
    nodes, each = read_processes(text)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return
    there = os.environ.get("PET_NNODES", "1")  # see antispoof/launcher/task.py
    if there != str(nodes):
        raise UserError(
            f"--processes {text}: found a job on {there} node{'s' * (there != '1')}, wanted one on "
            f"{nodes}; utils/run.py --cluster slurm --nodes {nodes} starts it"
        )
    if nodes * each > 1:
        words = ["--standalone"] if nodes == 1 else ["--nnodes", str(nodes)]
        words = [sys.executable, "-m", "torch.distributed.run", *words]
        os.execv(sys.executable, [*words, "--nproc_per_node", str(each), *argv])
