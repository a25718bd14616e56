"""The processes that train one model together, started by torchrun, or the one that is alone.

Every process holds the whole model and computes its rows of each batch. Gradients and losses are
sums over the whole batch: processes add theirs up, so that an unequal or an empty share counts for
what it is. Layers may go unused or be left out: in a forward and backward pass, batch norms alone
exchange something (antispoof/layers/norms.py).
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed

Value = TypeVar("Value")


@dataclass(frozen=True)
class Team:
    """This process's number, and how many there are; a team of one exchanges nothing."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the first process, which decides, writes files and prints."""
        return self.rank == 0

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        """Replace `tensor` by the sum of all processes'."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def all_reduce_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace gradients by the sum of all processes'; what none of them used keeps none."""
        if self.size == 1:
            return
        parameters = [p for p in parameters if p.requires_grad]
        used = torch.tensor([float(p.grad is not None) for p in parameters])
        used = self.all_reduce(used.to(parameters[0].device)).tolist()
        parameters = [p for p, count in zip(parameters, used, strict=True) if count]
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        whole = self.all_reduce(torch.cat([part.reshape(-1) for part in parts]))
        sizes = [p.numel() for p in parameters]
        for p, part in zip(parameters, whole.split(sizes), strict=True):
            p.grad = part.view_as(p)

    def broadcast(self, value: Value) -> Value:
        """The first process's `value`, in every process."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box)
        return box[0]

    def broadcast_tensors(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace `tensors` by the first process's."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()


SINGLE = Team()


def join_team(device: torch.device) -> tuple[Team, torch.device]:
    """(team, device) of this process: those that torchrun started it in, or (SINGLE, device).

    On GPUs, each process of a machine has its own.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return SINGLE, device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Team(distributed.get_rank(), distributed.get_world_size()), device


def leave_team(team: Team) -> None:
    if team.size > 1:
        distributed.destroy_process_group()


def end_process() -> None:
    """End a process that torchrun started with others, where all is written and the team is left.

    An interpreter that ends by itself meets threads of the group that still wait for its lock; they
    abort the process ("terminate called without an active exception"), and torchrun the others.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def deal(
    order: Sequence[int], batch_size: int, accum_grad: int = 1, team: Team = SINGLE
) -> Iterator[tuple[Sequence[int], list[Sequence[int]]]]:
    """Yield (batch, parts): indices of each whole batch, and those this process computes, in parts.

    Rows are dealt in turn. A part has as many rows as `accum_grad` equal parts of a full batch do.
    All processes have as many parts; at the end of a short batch, theirs may be empty.
    """
    rows = -(-batch_size // (team.size * accum_grad))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        own = batch[team.rank :: team.size]
        most = -(-len(batch) // team.size)
        yield batch, [own[first : first + rows] for first in range(0, most, rows)]
