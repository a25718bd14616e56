"""States of the parts of a training, checked before they are taken."""

from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from .checkpoint import MISFITS, fit_weights, is_named, kind_of

ADAM = ("step", "exp_avg", "exp_avg_sq")  # what it keeps of each parameter


def restore(parts: dict[str, Any], state: dict[str, Any], path: str | Path) -> None:
    """Give each of a learner's {name: part} its state; raises UserError where one does not fit."""
    for name, part in parts.items():
        found, own = state.get(name), part.state_dict()
        if not is_named(found):
            raise _wrong(path, f"the part '{name}' as {kind_of(found)}", "a dict")
        if isinstance(part, torch.nn.Module):
            fit_weights(part, found, path, f"the part '{name}' of this training")
            continue
        try:
            if isinstance(part, torch.optim.Optimizer):
                _check_moments(part, found)
            elif not isinstance(part, torch.amp.GradScaler):  # a CPU's has no state
                _check_form(found, own, name)
            part.load_state_dict(found)
        except MISFITS as error:
            line = " ".join(str(error).split())[:200]
            raise _wrong(path, f"another '{name}' ({line})", "that of this training") from None


def _check_moments(optimizer, found):
    """Raise one of MISFITS unless `found` can be the state of `optimizer`."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    adam = isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW)
    for index, moments in found["state"].items():
        shape = parameters[index].shape
        for name in ADAM if adam else moments:
            value = moments[name]
            if name == "step":
                float(value)  # raises for a text
            elif value is None and not adam:  # SGD without momentum
                continue
            elif value.shape != shape:
                raise ValueError(f"{name} of {tuple(value.shape)}, wanted {tuple(shape)}")
    for group, own in zip(found["param_groups"], optimizer.param_groups, strict=True):
        _check_form({**own, **group, "params": 0}, {**own, "params": 0}, "param_groups")


def _check_form(found, own, name):
    """Raise ValueError unless both are of the same types, names and shapes, at any depth."""
    if isinstance(own, dict) and isinstance(found, dict):
        # a name with an underscore is PyTorch's own, and may be of another version
        lacking = sorted(str(key) for key in own.keys() - found.keys() if str(key)[:1] != "_")
        if lacking:
            raise ValueError(f"{name} lacks {lacking[0]}")
        for key in own.keys() & found.keys():
            _check_form(found[key], own[key], f"{name}.{key}")
    elif isinstance(own, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(found) != len(own):
            raise ValueError(f"{name} has {len(found)} values, wanted {len(own)}")
        for index, pair in enumerate(zip(found, own, strict=True)):
            _check_form(*pair, f"{name}.{index}")
    elif isinstance(own, torch.Tensor) and isinstance(found, torch.Tensor):
        if (found.shape, found.dtype) != (own.shape, own.dtype):
            raise ValueError(f"{name} is {tuple(found.shape)}, wanted {tuple(own.shape)}")
    elif type(found) is not type(own) and {type(found), type(own)} != {int, float}:
        raise ValueError(f"{name} is {kind_of(found)}, wanted {kind_of(own)}")


def _wrong(path, found, wanted):
    return UserError(f"{path}: found {found}, wanted {wanted}; remove it, train from the start")
