"""Schedules of a learning rate: constant, a cosine, steps, each behind a warm-up."""

import math
from collections.abc import Callable


def schedule_of(
    name: str,
    epochs: int,
    steps_per_epoch: int,
    warmup: float = 0.0,
    every: int = 10,
    gamma: float = 0.5,
    least: float = 0.0,
) -> Callable[[int], float]:
    """Factor of the learning rate at each step, as a function of the step from 0.

    It rises in equal parts over the first `warmup` epochs. Then it is 1 (constant), falls along
    half a cosine to `least` at the last step (cosine), or is multiplied by `gamma` after every
    `every` epochs (step).
    """
    rising, steps = round(warmup * steps_per_epoch), epochs * steps_per_epoch

    def factor(step):
        if step < rising:
            return (step + 1) / rising
        if name == "cosine":
            done = min((step - rising) / max(steps - rising, 1), 1)
            return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * done))
        if name == "step":
            return gamma ** (step // (every * steps_per_epoch))
        return 1.0

    return factor
