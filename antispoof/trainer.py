"""Training: one function to be read in a sitting.

The order of epoch e, and every crop in it, comes from (seed, e). `last.pt` is written after each
epoch with all that the next one needs, so a run that was killed ends in the same bytes on a CPU as
one that was not.
"""

import io
import math
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from . import LABELS
from .data import Inputs, batches
from .errors import UserError
from .files import atomic_open
from .metrics import eer
from .progress import Progress
from .system import build_system, parameter_groups
from .tables import read_table, require_same_keys

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}
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
        dev_loss = cross_entropy_of(scores, dev_labels, config["class_weights"])
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


class Learner:
    """A model with its optimiser and schedule, and how one epoch changes them."""

    def __init__(self, config, inputs, labels, device, name):
        torch.manual_seed(config["seed"])
        self.config, self.inputs, self.labels = config, inputs, labels
        self.device, self.name = device, name
        self.model = build_system(config).to(device)
        make = OPTIMIZERS[config["optimizer"]]
        groups = parameter_groups(self.model, config)
        self.optimizer = make(groups, **config["optimizer_conf"])
        steps = config["epochs"] * math.ceil(len(inputs) / config["batch_size"])
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, schedule_of(config["schedule"], steps)
        )
        self.weight = torch.tensor(config["class_weights"], device=device)

    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def state_dict(self):
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state):
        for name, part in self.parts().items():
            part.load_state_dict(state[name])

    def run_epoch(self, epoch):
        """Go through the training set once; returns the mean loss. Raises UserError for a NaN."""
        seed = self.config["seed"]
        torch.manual_seed(seed * 100003 + epoch)  # dropout; order and crops draw from it apart
        self.inputs.epoch = epoch
        order = draw_order(self.labels, self.config["balanced"], seed, epoch)
        progress = Progress(len(order), "utterances", f"{self.name} epoch {epoch}")
        self.model.train()
        total = 0.0
        for x, lengths, indices in batches(self.inputs, order, self.config["batch_size"]):
            loss = self.step(x, lengths, indices)
            if not math.isfinite(loss):
                named = ", ".join(self.inputs.utts[i] for i in indices)
                raise UserError(
                    f"{self.name}: the loss is {loss} in epoch {epoch}; last.pt is the state "
                    f"before it; lower optimizer_conf.lr, or look at the batch: {named}"
                )
            total += loss * len(indices)
            progress.advance(len(indices), f"loss {total / (progress.done + len(indices)):.3f}")
        progress.close()
        return total / len(order)

    def step(self, x, lengths, indices):
        """One batch; returns its loss. A loss that is not finite changes nothing."""
        logits = self.model(x.to(self.device), lengths.to(self.device))
        loss = cross_entropy(logits, self.labels[indices].to(self.device), weight=self.weight)
        if torch.isfinite(loss):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if self.config["grad_clip"]:
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config["grad_clip"])
            self.optimizer.step()
            self.schedule.step()
        return loss.item()


def count_parameters(model):
    """In words: all, and those that learn where it is not all."""
    total = sum(p.numel() for p in model.parameters())
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"{total} parameters" + (f", {learning} of them learn" if learning < total else "")


def read_labels(data_dir):
    """Indices into LABELS, (N,), in the order of wav.scp. Raises UserError where a class lacks."""
    labels = read_table(f"{data_dir}/utt2label")
    wavs = read_table(f"{data_dir}/wav.scp")
    require_same_keys(wavs, labels, f"{data_dir}/wav.scp", f"{data_dir}/utt2label")
    for utt, label in labels.items():
        if label not in LABELS:
            raise UserError(f"{data_dir}/utt2label: '{utt}' is '{label}', wanted bonafide or spoof")
    for label in LABELS:
        if label not in labels.values():
            raise UserError(
                f"{data_dir}/utt2label: holds no {label} utterance; wanted both classes"
            )
    return torch.tensor([LABELS.index(labels[utt]) for utt in wavs])


def draw_order(labels, balanced, seed, epoch):
    """Indices of one epoch: a permutation, or as many draws with both classes equally likely."""
    rng = np.random.default_rng((seed, epoch))
    if not balanced:
        return rng.permutation(len(labels)).tolist()
    weights = 1.0 / np.bincount(labels)[labels.numpy()]
    return rng.choice(len(labels), len(labels), p=weights / weights.sum()).tolist()


def schedule_of(name, steps):
    """Factor of the learning rate at each step, for LambdaLR."""
    if name == "cosine":
        return lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
    return lambda step: 1.0


@torch.inference_mode()
def score(model, inputs, batch_size, device):
    """Scores (N,) float32 of `inputs` in their order: logit of bona fide minus logit of spoof."""
    model.eval()
    found = np.empty(len(inputs), np.float32)
    progress = Progress(len(inputs), "utterances", "score")
    for x, lengths, indices in batches(inputs, range(len(inputs)), batch_size):
        logits = model(x.to(device), lengths.to(device)).float().cpu()
        found[indices.numpy()] = (logits[:, 1] - logits[:, 0]).numpy()
        progress.advance(len(indices))
    progress.close()
    return found


def cross_entropy_of(scores, labels, class_weights):
    """Mean cross-entropy of scores (N,), the log odds of the softmax that training used."""
    logits = torch.stack([torch.zeros(len(scores)), torch.from_numpy(scores)], 1)
    return cross_entropy(logits, labels, weight=torch.tensor(class_weights)).item()


def save_checkpoint(path, state):
    """Write `state` whole or not at all; equal states give equal bytes under any name."""
    buffer = io.BytesIO()
    torch.save(state, buffer)  # to a path, it would store the temporary name inside
    with atomic_open(path, "wb") as stream:
        stream.write(buffer.getbuffer())


def load_checkpoint(path, device="cpu"):
    """Read what `save_checkpoint` wrote; nothing in the file can run code."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, ValueError, OSError, UnpicklingError) as error:
        reason = (str(error).splitlines() or ["empty"])[0]
        raise UserError(f"{path}: is not a whole checkpoint ({reason}); remove it") from None


def write_curve(path, rows):
    """Write curve.csv: one line per epoch, COLUMNS."""
    with atomic_open(path) as stream:
        stream.write(",".join(COLUMNS) + "\n")
        stream.writelines(",".join(f"{value:.8g}" for value in row) + "\n" for row in rows)
