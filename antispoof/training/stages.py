"""What a config says of training, checked; and its stages, each a config of its own."""

import re

from .. import LABELS
from ..augment.chain import Chain
from ..config import EXPERIMENT, merge, one_of
from ..errors import UserError
from ..models.losses import LOSSES, loss_settings
from .optimisers import OPTIMIZERS, SCHEDULES
from .selection import check_selection

STAGE_KEYS = (
    *("epochs", "batch_size", "accumulate", "optimizer", "optimizer_conf", "schedule"),
    *("schedule_conf", "class_weights", "balanced", "augment", "grad_clip", "finetune", "select"),
)
CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "autocast": ("none", "bf16", "fp16"),
}


def stages_of(config, path="config"):
    """The stages of an experiment, each as the config of one without stages. Raises UserError.

    A stage names what it changes of the config: the keys of STAGE_KEYS.
    """
    own = {key: config[key] for key in STAGE_KEYS}
    defaults = {key: EXPERIMENT[key] for key in STAGE_KEYS}
    stages = []
    for number, given in enumerate(config["stages"] or [{}], 1):
        where = f"{path}: stage {number}" if config["stages"] else path
        if not isinstance(given, dict):
            raise UserError(f"{where}: is {given!r}, wanted keys and values")
        stage = {**config, **merge(defaults, _over(own, given), where), "stages": []}
        stages.append(check_training(where, stage))
    return stages


def _over(own, given):
    """`given` over `own`, and so in each block that both have."""
    both = {**own, **given}
    for key, value in given.items():
        if isinstance(own.get(key), dict) and isinstance(value, dict):
            both[key] = {**own[key], **value}
    return both


def check_training(path, config):
    """`config` with its `finetune.layers` as none, all or a list. Raises UserError."""
    for key, allowed in CHOICES.items():
        one_of(path, key, config[key], tuple(allowed))
    for key in ("epochs", "batch_size", "accumulate"):
        if config[key] < 1:
            raise UserError(f"{path}: '{key}' is {config[key]}, wanted at least 1")
    if config["accumulate"] > config["batch_size"]:
        raise UserError(f"{path}: 'accumulate' wants no more parts than 'batch_size' utterances")
    weights, schedule = config["class_weights"], config["schedule_conf"]
    if len(weights) != len(LABELS) or not all(_positive(weight) for weight in weights):
        raise UserError(
            f"{path}: 'class_weights' is {weights}, wanted a number for each of {LABELS}"
        )
    if config["optimizer_conf"]["momentum"] and config["optimizer"] != "sgd":
        raise UserError(f"{path}: 'optimizer_conf.momentum' wants 'optimizer: sgd'")
    if schedule["every"] < 1 or not 0 <= schedule["warmup"] <= config["epochs"]:
        raise UserError(
            f"{path}: 'schedule_conf' is {schedule}, wanted 'every' from 1, and 'warmup' from 0 to "
            f"the {config['epochs']} epochs"
        )
    if not (_positive(schedule["gamma"]) and 0 <= schedule["least"] <= 1):
        raise UserError(f"{path}: 'schedule_conf' wants 'gamma' above 0, 'least' from 0 to 1")
    loss_settings(config["loss"], config["loss_conf"])
    check_selection(path, config["select"])
    if config["augment"] and config["feats"] == "cached":
        raise UserError(
            f"{path}: 'augment' wants 'feats: wave' or 'feats: ssl'; for cached features, 'copies' "
            "of conf/upstream/, or steps/augment_data_dir.py before stage 2"
        )
    Chain(config["augment"], path)
    finetune = read_finetune(path, config["finetune"])
    if finetune["layers"] != "none" and config["feats"] != "ssl":
        raise UserError(f"{path}: 'finetune' wants 'feats: ssl'; what is cached cannot learn")
    return {**config, "finetune": finetune}


def read_finetune(path, config):
    """The block `finetune` with its layers as none, all or a list. Raises UserError."""
    layers = config["layers"]
    if isinstance(layers, str) and (span := re.fullmatch(r"(\d+)\.\.(\d+)", layers)):
        layers = list(range(int(span[1]), int(span[2]) + 1))
    listed = isinstance(layers, list) and layers and len(layers) == len(set(map(str, layers)))
    if layers not in ("none", "all") and not (
        listed and all(type(layer) is int and layer >= 0 for layer in layers)
    ):
        raise UserError(
            f"{path}: 'finetune.layers' is {config['layers']!r}, wanted none, all, a list of "
            "transformer layers from 0, or a range like 12..23"
        )
    if not _positive(config["lr"]):
        raise UserError(f"{path}: 'finetune.lr' is {config['lr']}, wanted more than 0")
    if not 0 <= config["feature_grad_mult"] < float("inf"):
        raise UserError(f"{path}: 'finetune.feature_grad_mult' wants 0 or more")
    if not 0 <= config["layer_drop"] < 1:
        raise UserError(f"{path}: 'finetune.layer_drop' wants 0 or more, and less than 1")
    return {**config, "layers": layers if isinstance(layers, str) else sorted(layers)}


def _positive(value):
    return type(value) in (int, float) and 0 < value < float("inf")
