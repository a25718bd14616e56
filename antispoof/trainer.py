"""Training: one function to be read in a sitting.

The order of epoch e, and every crop in it, comes from (seed, e). `last.pt` is written after each
epoch with all that the next one needs, so a run that was killed ends in the same bytes on a CPU as
one that was not.
"""

from pathlib import Path

import numpy as np

from .data import Inputs
from .errors import UserError
from .files import atomic_open
from .metrics import eer
from .training.checkpoint import load_checkpoint, save_checkpoint
from .training.learner import Learner
from .training.scoring import read_labels, score

COLUMNS = ("epoch", "lr", "train_loss", "dev_loss", "dev_eer")


def train(config, train_dir, dev_dir, dump, exp_dir, device, log):
    """Train the experiment `config` (resolved) into `exp_dir`; returns the chosen epoch.

    Picks `best.pt` by config["select"] on dev; writes `last.pt`, `curve.csv`. `log` takes lines.
    Raises UserError for sets that cannot train and for a loss that is not finite.
    """
    exp_dir, metric = Path(exp_dir), config["select"]["metric"]
    train_set = Inputs(config, train_dir, dump, train=True)
    dev_set = Inputs(config, dev_dir, dump)
    dev_labels = read_labels(dev_dir)
    learner = Learner(config, train_set, read_labels(train_dir), device, exp_dir.name)
    curve, best = [], None
    if (exp_dir / "last.pt").exists():
        state = load_checkpoint(exp_dir / "last.pt", device)
        learner.load_state_dict(state["learner"])
        curve, best = state["curve"], state["best"]
        log(f"continuing after epoch {len(curve)}")
    log(f"{count_parameters(learner.model)}, {device}")

    for epoch in range(len(curve) + 1, config["epochs"] + 1):
        if (
            config["select"]["patience"]
            and best
            and len(curve) - best[0] >= config["select"]["patience"]
        ):
            break
        train_loss = learner.run_epoch(epoch)
        scores = score(learner.model, dev_set, config["batch_size"], device)
        if not np.isfinite(scores).all():
            raise UserError(
                f"{exp_dir}: scores of {dev_dir} are not finite after epoch {epoch}; last.pt is "
                "the state before it; lower optimizer_conf.lr"
            )
        dev_loss = learner.loss.of_scores(scores, dev_labels)
        constant = scores.min() == scores.max()  # a collapsed model is at chance, and may recover
        dev_eer = 0.5 if constant else eer(scores[dev_labels == 1], scores[dev_labels == 0])
        row = (epoch, learner.schedule.get_last_lr()[0], train_loss, dev_loss, dev_eer)
        curve.append(row)
        log("  ".join(f"{name} {value:.5g}" for name, value in zip(COLUMNS, row, strict=True)))
        value = row[COLUMNS.index(metric)]
        if best is None or value < best[1]:
            best = (epoch, value)
            save_checkpoint(
                exp_dir / "best.pt", {"model": learner.model.state_dict(), "epoch": epoch}
            )
        write_curve(exp_dir / "curve.csv", curve)
        state = {"learner": learner.state_dict(), "curve": curve, "best": best}
        save_checkpoint(exp_dir / "last.pt", state)
    log(f"chosen: epoch {best[0]} by {metric} {best[1]:.5g} on {dev_dir}")
    return best[0]


def count_parameters(model):
    """In words: all, and those that learn where it is not all."""
    total = sum(p.numel() for p in model.parameters())
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"{total} parameters" + (f", {learning} of them learn" if learning < total else "")


def write_curve(path, rows):
    """Write curve.csv: one line per epoch, COLUMNS."""
    with atomic_open(path) as stream:
        stream.write(",".join(COLUMNS) + "\n")
        stream.writelines(",".join(f"{value:.8g}" for value in row) + "\n" for row in rows)
