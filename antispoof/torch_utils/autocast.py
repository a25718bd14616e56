"""What autocast must leave alone."""

import functools
from collections.abc import Callable
from typing import TypeVar

import torch

Found = TypeVar("Found")


def full_precision(function: Callable[..., Found]) -> Callable[..., Found]:
    """Run a function of tensors, the last argument among them, without autocast.

    Arguments of two bytes become float32. For what fp16 cannot hold, as a power spectrum, and for
    functions that come with a backward of their own.
    """

    @functools.wraps(function)
    def exact(*args):
        with torch.autocast(args[-1].device.type, enabled=False):
            return function(*map(_wide, args))

    return exact


def _wide(value):
    halves = (torch.float16, torch.bfloat16)
    return value.float() if isinstance(value, torch.Tensor) and value.dtype in halves else value
