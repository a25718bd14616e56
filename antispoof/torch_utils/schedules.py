"""Schedules of a learning rate: constant, a cosine, steps, each behind a warm-up."""

import math


def schedule_of(name, epochs, steps_per_epoch, warmup=0.0, every=10, gamma=0.5, least=0.0):
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
