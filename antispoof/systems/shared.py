"""What systems compute alike of the same sounds: once for all of them, while they score a batch.

Two systems read the same of an upstream where its settings say the same of sounds that are scored.
A front end inside a model is the same where nothing of it learns and its constants are equal; which
of its batches are the same, their bytes say. What is kept is of one batch of sounds, and of one
thread.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import nn

from ..features.lfcc import LFCCFrontEnd
from ..features.mel import MelFrontEnd
from ..ssl.finetuned import FrontEnd
from ..ssl.upstream import FrozenUpstream
from ..torch_utils.kept import Kept

OF_A_CORPUS = ("copies", "allow")  # settings of an upstream that scoring does not read
Value = TypeVar("Value")
BATCH = Kept()  # open while a fusion scores a batch of sounds


class Upstreams:
    """The upstreams of systems, each opened once. Args: device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.opened: dict[str, FrozenUpstream] = {}
        self.readers: dict[str, list[set[int]]] = {}

    def open(
        self, settings: dict[str, Any], layers: Iterable[int]
    ) -> tuple[FrozenUpstream, list[set[int]]]:
        """The upstream of `settings`, and the layers of each system that reads it, by now or later.

        layers: what one more system reads. Raises UserError.
        """
        read = {name: value for name, value in settings.items() if name not in OF_A_CORPUS}
        key = json.dumps(read, sort_keys=True)
        if key not in self.opened:
            self.opened[key] = FrozenUpstream(settings, self.device)
        readers = self.readers.setdefault(key, [])
        readers.append(set(layers))
        return self.opened[key], readers


def once(key: Any, sounds: Any, compute: Callable[[], Value]) -> Value:
    """What `compute` gives for `key` of these very `sounds`; where BATCH is not open, computed."""
    kept = BATCH.now
    if kept is None:
        return compute()
    place = (key, id(sounds))
    if place not in kept:
        kept[place] = (sounds, compute())  # the sounds are held, so that no others have their id
    return kept[place][1]


def share_front_ends(models: Iterable[nn.Module]) -> None:
    """Let models that compute the same front end inside hold it once, and compute it once."""
    found: dict[Any, nn.Module] = {}
    shared: set[nn.Module] = set()
    for model in models:
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                key = _fixed(child)
                if key is None:
                    continue
                if found.setdefault(key, child) is not child:
                    setattr(parent, name, found[key])
                    shared.add(found[key])
    for front_end in shared:
        front_end.forward = functools.partial(_remembered, front_end, front_end.forward)


def _fixed(module):
    """What tells a front end without learnt weights from others; None of any other module."""
    if isinstance(module, FrontEnd) and not module.kept:
        return json.dumps(module.get_extra_state(), sort_keys=True)
    if isinstance(module, (MelFrontEnd, LFCCFrontEnd)):
        constants = [_digest(buffer) for _, buffer in sorted(module.named_buffers())]
        return type(module).__name__, *constants
    return None


def _remembered(front_end, forward, x, lengths):
    """`forward` of a front end, or what it gave for a batch of the same bytes."""
    if BATCH.now is None or torch.is_grad_enabled():
        return forward(x, lengths)
    key = (front_end, _digest(x), _digest(lengths))
    return once(key, front_end, lambda: forward(x, lengths))


def _digest(x):
    """Shape, type and bytes of a tensor, in few bytes."""
    numbers = x.detach().cpu().contiguous().numpy()
    return numbers.shape, numbers.dtype.str, hashlib.blake2b(numbers.data).digest()
