"""An experiment folder: its config, what it ran on, and what it may hold."""

import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..config import EXPERIMENT_KEYS, SEED, load_config, read_yaml, write_config
from ..config.recorded import read_experiment
from ..errors import UserError
from ..files import atomic_open
from ..paths import ROOT, exists, find


def load_experiment(path: str | Path, seed: int, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The resolved config of an experiment: file, overrides and seed. Raises UserError.

    It holds every argument of the model, the loss and the augmentation; `complete` adds what is
    said of the upstream.
    """
    from ..systems.arguments import with_arguments  # late: these import torch
    from .phases import check_training, phases_of

    config = check_training(path, read_inputs(path, overrides))
    phases_of(config, path)
    return with_arguments({**config, "seed": SEED.check(int(seed), path, "seed")})


def read_inputs(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The config of an experiment, each key checked; not what training asks of several together.

    Imports no torch. Raises UserError.
    """
    config = load_config(path, EXPERIMENT_KEYS, overrides)
    if config["feats"] != "wave" and not config["upstream"]:
        raise UserError(
            f"{path}: 'feats: {config['feats']}' needs 'upstream', a name in conf/upstream/"
        )
    return config


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """`config` (resolved) with all that a model rests on: arguments, and the upstream's config.

    What it holds already stays. Of cached features, an upstream without a config is let pass: what
    reads them does not open it. Raises UserError.
    """
    from ..ssl.upstream import load_upstream_config
    from ..systems.arguments import with_arguments  # late: these import torch

    config = with_arguments(config)
    if config["feats"] == "wave" or "upstream_conf" in config:
        return config
    path = f"conf/upstream/{config['upstream']}.yaml"
    if config["feats"] == "cached" and not exists(path):
        return config
    settings = load_upstream_config(path)
    config["upstream_conf"] = settings
    if settings["checkpoint"]:
        place = find(settings["checkpoint"]).resolve()
        within = place.is_relative_to(ROOT)
        config["upstream_checkpoint"] = str(place.relative_to(ROOT) if within else place)
    return config


def claim(exp_dir: str | Path, config: dict[str, Any]) -> dict[str, Any]:
    """Write `config`, completed, and the environment into `exp_dir`; returns it.

    Raises UserError for a folder of another experiment.
    """
    path, detects = Path(exp_dir) / "config.yaml", "model" in config  # a pre-training has none
    config = complete(config) if detects else config
    if path.exists():
        found = read_yaml(path)
        if found != config and detects:  # of an earlier version, it says less
            found = complete(read_experiment(exp_dir))
        if found != config:
            key = next(k for k in [*config, *found] if config.get(k) != found.get(k))
            raise UserError(
                f"{path}: holds another experiment ({key}: {found.get(key)!r}, now "
                f"{config.get(key)!r}); give this one a --tag, or remove {exp_dir}"
            )
        return config
    with atomic_open(Path(exp_dir) / "env.txt") as stream:
        stream.writelines(f"{name}: {value}\n" for name, value in environment().items())
    write_config(path, config)
    return config


def environment() -> dict[str, str]:
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


def commit() -> str:
    """The git commit of the project, with `, dirty` where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty=, dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown (git did not say)"
    return done.stdout.strip() or "unknown (not a git checkout)"
