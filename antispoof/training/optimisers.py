"""Optimisers and the schedules of their learning rates."""

import math

import torch

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def make_optimizer(config, groups):
    """The optimiser of a resolved experiment config, of parameter groups or parameters."""
    conf = dict(config["optimizer_conf"])
    if config["optimizer"] != "sgd":
        del conf["momentum"]
    return OPTIMIZERS[config["optimizer"]](groups, **conf)


def make_schedule(config, optimizer, steps_per_epoch):
    """What changes the learning rates after each step, over the config's epochs."""
    factor = schedule_of(
        config["schedule"], config["epochs"], steps_per_epoch, **config["schedule_conf"]
    )
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


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
