"""An experiment folder: its config, what it ran on, and what it may hold."""

import platform
import re
import subprocess
from pathlib import Path

import yaml

from . import LABELS
from .audio import CONVERSIONS
from .augment.chain import Chain
from .config import EXPERIMENT, load_config, one_of, some_of, write_config
from .errors import UserError
from .files import atomic_open
from .places import ROOT, find
from .training.losses import LOSSES, loss_settings
from .training.optimisers import SCHEDULES

CHOICES = {
    "feats": ("wave", "cached", "ssl"),
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": SCHEDULES,
    "loss": tuple(LOSSES),
    "autocast": ("none", "bf16", "fp16"),
}
CROPS = ("first", "centre", "random", "full")
PADS = ("zero", "tile", "none")
METRICS = ("dev_eer", "dev_loss")


def load_experiment(path, seed, overrides=()):
    """The resolved config of an experiment: file, overrides and seed. Raises UserError."""
    config = load_config(find(path), EXPERIMENT, overrides)
    for key, allowed in CHOICES.items():
        one_of(path, key, config[key], allowed)
    for key in ("train", "test"):
        one_of(path, f"crop.{key}", config["crop"][key], CROPS)
    one_of(path, "crop.pad", config["crop"]["pad"], PADS)
    one_of(path, "select.metric", config["select"]["metric"], METRICS)
    some_of(path, "allow", config["allow"], CONVERSIONS)
    if config["feats"] != "wave" and not config["upstream"]:
        raise UserError(
            f"{path}: 'feats: {config['feats']}' wants 'upstream', a name in conf/upstream/"
        )
    if config["augment"] and config["feats"] == "cached":
        raise UserError(
            f"{path}: 'augment' wants 'feats: wave' or 'feats: ssl'; for cached features, 'copies' "
            "of conf/upstream/, or steps/augment_data_dir.py before stage 2"
        )
    Chain(config["augment"], path)
    check_training(path, config)
    if not config["crop"]["seconds"] > 0:
        raise UserError(
            f"{path}: 'crop.seconds' is {config['crop']['seconds']}, wanted more than 0"
        )
    layers = config["layers"]
    if not layers or not all(type(layer) is int and layer >= 0 for layer in layers):
        raise UserError(f"{path}: 'layers' is {layers}, wanted a list of numbers from 0")
    finetune = read_finetune(path, config["finetune"])
    if finetune["layers"] != "none" and config["feats"] != "ssl":
        raise UserError(f"{path}: 'finetune' wants 'feats: ssl'; what is cached cannot learn")
    return {**config, "finetune": finetune, "seed": int(seed)}


def check_training(path, config):
    """Raise UserError for numbers with which nothing can be trained."""
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
    return isinstance(value, (int, float)) and 0 < value < float("inf")


def read_experiment(exp_dir, overrides=()):
    """The resolved config that `exp_dir` holds, with `key.sub=value` overrides."""
    path = Path(exp_dir) / "config.yaml"
    if not path.is_file():
        raise UserError(f"{path}: no such experiment; train it first (stage 3)")
    return load_config(path, {**EXPERIMENT, "seed": 0}, overrides)


def claim(exp_dir, config):
    """Write `config` and the environment into `exp_dir`; refuse a folder of another experiment."""
    path = Path(exp_dir) / "config.yaml"
    if path.exists():
        found = yaml.safe_load(path.read_text("utf-8"))
        if found != config:
            key = next(k for k in [*config, *found] if config.get(k) != found.get(k))
            raise UserError(
                f"{path}: holds another experiment ({key}: {found.get(key)!r}, now "
                f"{config.get(key)!r}); give this one a --tag, or remove {exp_dir}"
            )
        return
    with atomic_open(Path(exp_dir) / "env.txt") as stream:
        stream.writelines(f"{name}: {value}\n" for name, value in environment().items())
    write_config(path, config)


def environment():
    """What a result was made on: {name: text}."""
    import numpy
    import torch

    return {
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "machine": f"{platform.system()} {platform.machine()}",
    }


def commit():
    """The git commit of the project, with `, dirty` where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty=, dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown (git did not say)"
    return done.stdout.strip() or "unknown (not a git checkout)"
