"""What a config says of training, checked; and its phases, each a config of its own."""

from pathlib import Path
from typing import Any

from ..augment.chain import Chain
from ..config import EXPERIMENT_KEYS, merge
from ..config.sources import check_trace
from ..errors import UserError
from ..losses.losses import loss_settings
from ..ssl.tuning import tuning_settings
from .frames import check_frames

PHASE_KEYS = (
    *("epochs", "batch_size", "accum_grad", "optimizer", "optimizer_conf", "schedule"),
    *("schedule_conf", "class_weights", "balanced", "augment", "grad_clip", "finetune", "select"),
    "sharpness",
)
MOST_OF_SAMO = {"speakers": 100_000, "every": 100_002}  # of `loss_conf`; 'epochs' has the same


def phases_of(config: dict[str, Any], path: str | Path = "config") -> list[dict[str, Any]]:
    """The phases of an experiment, each as the config of one without phases. Raises UserError.

    A phase names what it changes of the config: the keys of PHASE_KEYS.
    """
    own = {key: config[key] for key in PHASE_KEYS}
    keys = {key: EXPERIMENT_KEYS[key] for key in PHASE_KEYS}
    phases = []
    for number, given in enumerate(config["phases"] or [{}], 1):
        where = f"{path}: phase {number}" if config["phases"] else path
        if not isinstance(given, dict):
            raise UserError(f"{where}: is {given!r}, wanted keys and values")
        phase = {**config, **merge(keys, _over(own, given), where), "phases": []}
        phases.append(check_training(where, phase))
    _check_methods(path, config, phases)
    return phases


def _check_methods(path, config, phases):
    """Refuse phases that tune otherwise than the config: the last model is built from that."""
    what = ("method", "method_conf", "layers")
    tunes = [{key: phase["finetune"][key] for key in what} for phase in phases]
    first = next((n for n, own in enumerate(tunes) if own["method"] != "full"), len(tunes))
    for number, own in enumerate(tunes[first:], first + 1):
        for key, value in own.items():
            if value != config["finetune"][key]:
                raise UserError(
                    f"{path}: phase {number}: found finetune.{key} {value!r}, wanted "
                    f"{config['finetune'][key]!r} of the config in the first phase with a 'method' "
                    "and in all after it"
                )
    if first == len(tunes) and config["finetune"]["method"] != "full":
        raise UserError(
            f"{path}: 'finetune.method' is '{config['finetune']['method']}', which no phase keeps; "
            "wanted it in the last phase"
        )


def _over(own, given):
    """`given` over `own`, and so in each block that both have."""
    both = {**own, **given}
    for key, value in given.items():
        if isinstance(own.get(key), dict) and isinstance(value, dict):
            both[key] = {**own[key], **value}
            if "method" in value and value["method"] != own[key]["method"]:
                both[key] |= {"method_conf": {}, **value}  # what another method takes
    return both


def check_training(path: str | Path, config: dict[str, Any]) -> dict[str, Any]:
    """`config`, whose keys are checked, where they fit each other. Raises UserError."""
    if config["accum_grad"] > config["batch_size"]:
        raise UserError(f"{path}: 'accum_grad' must not exceed 'batch_size'")
    if config["optimizer_conf"]["momentum"] and config["optimizer"] != "sgd":
        raise UserError(f"{path}: 'optimizer_conf.momentum' needs 'optimizer: sgd'")
    warmup = config["schedule_conf"]["warmup"]
    if warmup > config["epochs"]:
        raise UserError(
            f"{path}: 'schedule_conf.warmup' is {warmup}, wanted 'warmup' from 0 to the "
            f"{config['epochs']} epochs"
        )
    loss_settings(config["loss"], config["loss_conf"])
    check_trace(path, config)
    check_frames(path, config)
    if config["loss"] == "samo":
        conf = loss_settings("samo", config["loss_conf"])
        for key, most in MOST_OF_SAMO.items():
            if conf[key] != int(conf[key]) or not 1 <= conf[key] <= most:
                raise UserError(
                    f"{path}: 'loss_conf.{key}' is {conf[key]:.10g}, wanted a whole number from 1 "
                    f"to {most:,}"
                )
    if config["sharpness"]["rho"] and config["autocast"] == "fp16":
        raise UserError(
            f"{path}: 'sharpness.rho' does not go with 'autocast: fp16', whose gradients are "
            "scaled; use bf16 or none"
        )
    if config["sharpness"]["adaptive"] and not config["sharpness"]["rho"]:
        raise UserError(f"{path}: 'sharpness.adaptive' needs a 'sharpness.rho' above 0")
    if config["augment"] and config["feats"] == "cached":
        raise UserError(
            f"{path}: 'augment' needs 'feats: wave' or 'feats: ssl'; for cached features, 'copies' "
            "of conf/upstream/, or steps/augment_data_dir.py before stage 2"
        )
    Chain(config["augment"], path)
    if config["finetune"]["layers"] != "none" and config["feats"] != "ssl":
        raise UserError(f"{path}: 'finetune' needs 'feats: ssl'; what is cached cannot learn")
    tuning_settings(config["finetune"], path)
    if config["finetune"]["method"] != "full" and config["finetune"]["layers"] == "none":
        raise UserError(
            f"{path}: 'finetune.method: {config['finetune']['method']}' needs 'finetune.layers', "
            "all or a list of transformer layers; found none"
        )
    return config
