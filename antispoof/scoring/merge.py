"""A tuned experiment as a plain one: what LoRA or DoRA learnt, put into the upstream's weights."""

import shutil
from pathlib import Path
from typing import Any

from ..config import write_config
from ..config.recorded import read_experiment
from ..errors import UserError
from ..ssl.tuning import merge_into, require_merges
from ..torch_utils.checkpoint import load_checkpoint, load_weights, save_checkpoint
from .build import build_system

KEPT = ("env.txt", "selection.json", "trained_on")  # that go along


def merge_experiment(exp_dir: str | Path, out_dir: str | Path) -> int:
    """Write `out_dir`, an experiment of `method: full` whose scores are those of `exp_dir`.

    Its best.pt holds the matrices that were changed whole. Returns how many. Raises UserError for
    a method that cannot be merged, and for a folder that is there already.
    """
    exp_dir, out_dir = Path(exp_dir), Path(out_dir)
    config = read_experiment(exp_dir)
    if config["feats"] != "ssl" or config["finetune"]["method"] == "full":
        raise UserError(
            f"{exp_dir}: found 'finetune.method: full', wanted lora or dora; there is nothing to "
            "merge"
        )
    if out_dir.exists():
        raise UserError(f"{out_dir}: is there already; name another folder, or remove it")
    path = exp_dir / "best.pt"
    model: Any = build_system(config)
    front = model.front_end
    require_merges(front.tuned, config["finetune"], exp_dir / "config.yaml")
    load_weights(model, path)
    changed = merge_into(front.parts, front.tuned, config["finetune"])
    front.tuned.clear()
    plain = {**config["finetune"], "method": "full", "method_conf": {}}
    front.finetune = plain  # which its state says
    named = dict(front.named_parameters())
    front.kept &= named.keys()  # an earlier phase may have learnt others
    front.kept |= {name for name, p in named.items() if any(p is c for c in changed)}
    out_dir.mkdir(parents=True)
    for name in KEPT:
        if (exp_dir / name).exists():
            shutil.copy(exp_dir / name, out_dir / name)
    save_checkpoint(out_dir / "best.pt", {**load_checkpoint(path), "model": model.state_dict()})
    write_config(out_dir / "config.yaml", {**config, "finetune": plain, "phases": []})
    return len(changed)
