"""An experiment's own config.yaml, as whoever scores with its model reads it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import await_file
from . import EXPERIMENT_KEYS, SEED, UPSTREAM_KEYS, load_written, read_yaml

# What an experiment's own config.yaml holds next to what a config can say.
RECORDED = {
    "upstream_conf": UPSTREAM_KEYS,  # what conf/upstream/<upstream>.yaml said
    "upstream_checkpoint": "",  # where that file's `checkpoint` was: from the root, or absolute
}


def read_experiment(exp_dir: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The resolved config that `exp_dir` holds, with `key.sub=value` overrides.

    Nothing else is read. A folder of an earlier version lacks what `training.experiment.complete`
    adds, and its model is then built with what stands elsewhere today.
    """
    path = Path(exp_dir) / "config.yaml"
    await_file(path)
    if not path.is_file():
        raise UserError(f"{path}: no such experiment; train it first (stage 3)")
    given = read_yaml(path)
    recorded = {key: default for key, default in RECORDED.items() if key in given}
    return load_written(path, {**EXPERIMENT_KEYS, "seed": SEED, **recorded}, overrides)
