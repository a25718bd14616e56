"""Optimisers and the schedules of their learning rates."""

from collections.abc import Iterable
from typing import Any

import torch

from ..torch_utils.schedules import schedule_of

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def make_optimizer(config: dict[str, Any], groups: Iterable[Any]) -> torch.optim.Optimizer:
    """The optimiser of a resolved experiment config, of parameter groups or parameters."""
    conf = dict(config["optimizer_conf"])
    if config["optimizer"] != "sgd":
        del conf["momentum"]
    return OPTIMIZERS[config["optimizer"]](groups, **conf)


def make_schedule(
    config: dict[str, Any], optimizer: torch.optim.Optimizer, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """What changes the learning rates after each step, over the config's epochs."""
    factor = schedule_of(
        config["schedule"], config["epochs"], steps_per_epoch, **config["schedule_conf"]
    )
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
