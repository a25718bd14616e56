"""A switch for tracing: the models compute one utterance, all of it valid, in traceable operations.

A trace notes operations on tensors. What it would fix for ever is then left out or written in
another way: checks of values, groups of lengths, packed sequences, loops over frames, numbers that
Python rounds. The results are the same up to rounding; a test holds them equal.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from .plain import plain_formulas

_traceable = False


def is_traceable() -> bool:
    """Whether one utterance, all of it valid, is to be computed in traceable operations."""
    return _traceable


@contextlib.contextmanager
def traceable() -> Iterator[None]:
    """While it is on, every model of this process computes so, by the plain formulas."""
    global _traceable
    before, _traceable = _traceable, True
    try:
        with plain_formulas():
            yield
    finally:
        _traceable = before


def share_of(count: Any, share: float) -> Any:
    """max(int(count * share), 1) of a count that is a number, or in a trace a tensor."""
    if not isinstance(count, torch.Tensor):
        return max(int(count * share), 1)
    return (count.double() * share).floor().clamp(min=1).long()
