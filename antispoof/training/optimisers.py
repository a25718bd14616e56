"""Optimisers and the schedules of their learning rates."""

import torch

from ..torch_utils.schedules import schedule_of

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
