"""Batches of what a model reads, loaded while it computes: by a thread, or by other processes."""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch

from ..data.crop import time_axis
from ..errors import UserError

AHEAD = 2  # batches
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # (B, ...), lengths (B,), indices (B,)
Item = TypeVar("Item")


def collate(items: Iterable[Any]) -> Batch:
    """[(x, length, index), or a list of them] -> (B, ...), zero-padded, (B,), (B,).

    More numbers behind the index are as many (B,) more.
    """
    flat = []
    for item in items:
        flat += item if isinstance(item, list) else [item]
    axis = time_axis(flat[0][0])
    shape = [len(flat), *flat[0][0].shape]
    shape[1 + axis] = longest = max(x.shape[axis] for x, *_ in flat)
    batch = flat[0][0].new_empty(shape)
    for row, (x, *_) in zip(batch, flat, strict=True):
        found = x.shape[axis]
        row.narrow(axis, 0, found).copy_(x)
        row.narrow(axis, found, longest - found).zero_()
    lengths, *others = zip(*(rest for _, *rest in flat), strict=True)
    return batch, torch.tensor(lengths), *map(torch.tensor, others)  # type: ignore[return-value]


def load(
    inputs: torch.utils.data.Dataset, parts: Iterable[Sequence[int]], workers: int = 0
) -> Iterator[Batch]:
    """Yield a collated batch for each list of indices in `parts`, by `workers` more processes.

    What a worker loads does not depend on which one it is: all draws come from the utterance.
    """
    context = None
    if workers:  # a fork of a process with threads, gloo's or CUDA's, may wait for ever
        context = torch.multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
    loader = torch.utils.data.DataLoader(
        inputs,
        batch_sampler=parts,
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=_one_thread,
        multiprocessing_context=context,
    )
    try:
        yield from loader if workers else ahead(loader)
    except UserError as error:  # a worker's has a traceback above it
        raise UserError(str(error).rpartition("UserError: ")[2].strip()) from None
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(
            f"{workers} workers load data, and one was killed: out of memory? Lower --workers"
        ) from None


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield from `items` what a thread of its own took from it before, at most AHEAD of them."""
    line: queue.Queue = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item):
        while not stopped.is_set():
            try:
                return line.put(item, timeout=1.0)
            except queue.Full:
                continue

    def work():
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = line.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def _one_thread(_):
    torch.set_num_threads(1)


def batches(
    inputs: torch.utils.data.Dataset, order: Sequence[int], batch_size: int, workers: int = 0
) -> Iterator[Batch]:
    """Yield collated batches of `inputs` in `order`."""
    parts = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    yield from load(inputs, parts, workers)
