"""Every argument of what an experiment names: its model, its loss, its tuning, its augmentation.

A config names departures. What it leaves out stands in the signature of the model or the loss, or
in the fields of the augmentation. An experiment writes all of it down, so that a default that
changes tomorrow does not change an experiment of yesterday.
"""

import inspect
from typing import Any

from ..augment.chain import with_settings
from ..losses.losses import LOSSES, loss_settings
from ..models import MODELS
from ..ssl.tuning import tuning_settings

FROM_FRONT_END = ("layers", "dim")  # with `feats: ssl`, what the front end gives


def with_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """`config` (resolved) with every argument of its model, its loss and its augmentation.

    A name that is not known stays as it is: whoever builds it says so.
    """
    config = {**config, "model_conf": model_arguments(config)}
    if config["loss"] in LOSSES:
        config["loss_conf"] = loss_settings(config["loss"], config["loss_conf"])
    conf = tuning_settings(config["finetune"])
    config["finetune"] = {**config["finetune"], "method_conf": conf}
    config["augment"] = with_settings(config["augment"])
    config["phases"] = [
        {**phase, "augment": with_settings(phase["augment"])} if "augment" in phase else phase
        for phase in config["phases"]
    ]
    return config


def model_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """{argument: value} of the model, in the order of its signature, then what it does not know."""
    given, model = config["model_conf"], MODELS.get(config["model"])
    if model is None:
        return given
    known = {}
    for name, parameter in inspect.signature(model).parameters.items():
        if name in given:
            known[name] = given[name]
        elif config["feats"] != "ssl" or name not in FROM_FRONT_END:
            known[name] = plain(parameter.default)
    return {**known, **given}


def plain(value: Any) -> Any:
    """`value` with lists for tuples, as YAML has it."""
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value
