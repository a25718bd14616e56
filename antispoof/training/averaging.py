"""Averages of a model's states: a moving one over steps, a plain one over checkpoints."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch


class MovingAverage:
    """Exponential moving average of a model's state: a <- d a + (1 - d) w after each step.

    d is `decay`, and less at first, (1 + n) / (10 + n) after n steps, so that the random start is
    forgotten. Statistics of batch norms are averaged alike. The model itself is never copied.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.average = {name: tensor.clone() for name, tensor in _tensors(model).items()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, tensor in _tensors(model).items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)

    @contextlib.contextmanager
    def inside(self, model: torch.nn.Module) -> Iterator[None]:
        """The model with the average for its state; what it learnt comes back at the end."""
        tensors = _tensors(model)
        learnt = {name: tensor.clone() for name, tensor in tensors.items()}
        _put(tensors, self.average)
        try:
            yield
        finally:
            _put(tensors, learnt)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average = {name: tensor.clone() for name, tensor in state["average"].items()}
        self.count = state["count"]


def _tensors(model):
    """{name: tensor}, those that the model itself uses."""
    return {n: t for n, t in model.state_dict().items() if isinstance(t, torch.Tensor)}


@torch.no_grad()
def _put(tensors, values):
    for name, tensor in tensors.items():
        tensor.copy_(values[name])


def average_states(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of state dicts, in float64 before rounding; what is no fraction is of the last."""
    *_, last = states
    mean = dict(last)
    for name, value in last.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            total = sum(state[name].double() for state in states)
            mean[name] = (total / len(states)).to(value.dtype)
    return mean
