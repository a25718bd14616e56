"""A bound on the tensors that are made while a model is built, seen before they are allocated."""

import itertools
import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..errors import UserError

TIMES, SPARE = 4, 1 << 24  # of the numbers that are stored; numbers that no file stores
OF_A_SHAPE = {torch.empty, torch.full, torch.ones, torch.rand, torch.randn, torch.zeros}
OF_A_LENGTH = {torch.arange, torch.hamming_window, torch.hann_window, torch.linspace}


class Bounded(TorchFunctionMode):
    """Inside, UserError(`refusal`) is raised where far more than `stored` numbers would be made.

    stored: how many a file holds for what is built. A filter bank, a mask or a step of the
    initialisation is in no file: SPARE numbers more, and TIMES as many, are let pass.
    """

    def __init__(self, stored: int, refusal: str) -> None:
        super().__init__()
        self.most, self.made, self.refusal = TIMES * stored + SPARE, 0, refusal

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        if func in OF_A_SHAPE:
            self.made += math.prod(_shape(options.get("size", args)))
        elif func in OF_A_LENGTH:
            self.made += max((abs(x) for x in args if type(x) is int), default=1)
        if max(self.made, _joined(args)) > self.most:
            raise UserError(self.refusal)
        return func(*args, **options)


def _shape(args):
    """(3, 4) of (3, 4), and of ((3, 4), more)."""
    return args[0] if args and isinstance(args[0], (list, tuple)) else args


def _joined(args):
    """How many numbers come out where tensors are put together element by element."""
    shapes = [reversed(x.shape) for x in args if isinstance(x, torch.Tensor)]
    if not shapes[1:]:
        return 0
    return math.prod(map(max, itertools.zip_longest(*shapes, fillvalue=1)))


def numbers_in(state: Any) -> int:
    """How many numbers the tensors in a dict hold, and in the dicts in it."""
    waiting, count = [state], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        count += part.numel() if isinstance(part, torch.Tensor) else 0
    return count
