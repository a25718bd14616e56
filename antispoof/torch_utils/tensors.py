"""Tensors and plain values as safetensors, which hold no code: the same bytes of the same values.

A file holds a dict, and dicts in it. Tensors stand under the names that lead to them, with `/`
between; all else is JSON, in the file's metadata.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from ..files import atomic_open, await_file
from .checkpoint import MISFITS, first_line

SUFFIX = ".safetensors"
REST = "values"  # the key of the metadata; of several, the order would be chance


def save_tensors(path: str | Path, state: dict[str, Any]) -> None:
    """Write `state`: dicts of tensors, of texts, numbers, None and lists of them, and of dicts.

    Raises UserError for anything else.
    """
    from safetensors.torch import save

    parts = list(_tensors(state, ()))
    for names, _ in parts:
        if any("/" in name for name in names):
            raise UserError(f"{path}: cannot hold a tensor named {names[-1]}, which has a '/'")
    tensors = {"/".join(names): tensor.detach().cpu().clone() for names, tensor in parts}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        rest = json.dumps(_without_tensors(state), sort_keys=True)
    except TypeError as error:
        raise UserError(
            f"{path}: cannot hold this ({error}); wanted tensors and plain values"
        ) from None
    data = save(tensors, {REST: rest})
    with atomic_open(path, "wb") as stream:
        stream.write(data)


def load_tensors(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """What `save_tensors` wrote. Raises UserError for anything else."""
    from safetensors import SafetensorError, safe_open

    await_file(path)
    try:
        with safe_open(str(path), "pt", str(device)) as stream:
            state = json.loads((stream.metadata() or {}).get(REST, "{}"))
            for name in stream.keys():  # noqa: SIM118
                *above, last = name.split("/")
                place = state
                for key in above:
                    place = place.setdefault(key, {})
                if last in place:
                    raise ValueError(f"holds {name} twice")
                place[last] = stream.get_tensor(name)
    except (SafetensorError, OSError, RecursionError, *MISFITS) as error:
        raise UserError(f"{path}: is no whole file of safetensors ({first_line(error)})") from None
    return state


def _tensors(state: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[Any, torch.Tensor]]:
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            yield (*above, name), value
        elif isinstance(value, dict):
            yield from _tensors(value, (*above, name))


def _without_tensors(state):
    """The dicts of `state` with what is no tensor; JSON refuses what it cannot hold."""
    return {
        name: _without_tensors(value) if isinstance(value, dict) else value
        for name, value in state.items()
        if not isinstance(value, torch.Tensor)
    }
