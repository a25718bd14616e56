"""An experiment folder: its config, what it ran on, and what it may hold."""

import platform
import subprocess
from pathlib import Path

import yaml

from ..config import EXPERIMENT, load_config, one_of, some_of, write_config
from ..data.audio import CONVERSIONS
from ..errors import UserError
from ..files import atomic_open
from ..paths import ROOT, find

FEATS = ("wave", "cached", "ssl")
CROPS = ("first", "centre", "random", "full")
PADS = ("zero", "tile", "none")


def load_experiment(path, seed, overrides=()):
    """The resolved config of an experiment: file, overrides and seed. Raises UserError."""
    from .stages import check_training, stages_of  # late: they import torch

    config = check_training(path, read_inputs(path, overrides))
    stages_of(config, path)
    return {**config, "seed": int(seed)}


def read_inputs(path, overrides=()):
    """The config of an experiment with what it says of its inputs checked, and training not.

    Imports no torch: the shell asks through utils/settings.py. Raises UserError.
    """
    config = load_config(find(path), EXPERIMENT, overrides)
    one_of(path, "feats", config["feats"], FEATS)
    one_of(path, "crop.train", config["crop"]["train"], CROPS)
    one_of(path, "crop.test", config["crop"]["test"], (*CROPS, "windows"))
    one_of(path, "crop.pad", config["crop"]["pad"], PADS)
    some_of(path, "allow", config["allow"], CONVERSIONS)
    if config["feats"] != "wave" and not config["upstream"]:
        raise UserError(
            f"{path}: 'feats: {config['feats']}' wants 'upstream', a name in conf/upstream/"
        )
    if not config["crop"]["seconds"] > 0:
        raise UserError(
            f"{path}: 'crop.seconds' is {config['crop']['seconds']}, wanted more than 0"
        )
    layers = config["layers"]
    if not layers or not all(type(layer) is int and layer >= 0 for layer in layers):
        raise UserError(f"{path}: 'layers' is {layers}, wanted a list of numbers from 0")
    return config


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
