"""Training: one function to be read in a sitting.

The order of epoch e, and every crop in it, comes from (seed, e). `last.pt` is written after each
epoch with all that the next one needs, so a run that was killed ends in the same bytes on a CPU as one
that was not.
"""

import io
import math
from pathlib import Path

import numpy as np
import torch

from . import LABELS
from .data import Inputs, batches
from .errors import UserError
from .files import atomic_open
from .metrics import eer
from .models import build_model
from .progress import Progress
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
    exp_dir, seed = Path(exp_dir), config["seed"]
    train_set = Inputs(config, train_dir, dump, train=True)
    dev_set = Inputs(config, dev_dir, dump)
    train_labels, dev_labels = read_labels(train_dir), read_labels(dev_dir)
    torch.manual_seed(seed)
    model = build_model(config["model"], **config["model_conf"]).to(device)
    optimizer = OPTIMIZERS[config["optimizer"]](model.parameters(), **config["optimizer_conf"])
    steps = config["epochs"] * math.ceil(len(train_set) / config["batch_size"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule_of(config["schedule"], steps))
    weight = torch.tensor(config["class_weights"], device=device)
    state = {"curve": [], "best": None}
    if (exp_dir / "last.pt").exists():
        state = load_checkpoint(exp_dir / "last.pt", device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        log(f"continuing after epoch {len(state['curve'])}")
    log(f"{sum(p.numel() for p in model.parameters() if p.requires_grad)} trainable parameters")

    for epoch in range(len(state["curve"]) + 1, config["epochs"] + 1):
        if finished_early(state, config["select"]["patience"]):
            break
        torch.manual_seed(seed * 100003 + epoch)  # dropout; order and crops draw from it apart
        train_set.epoch = epoch
        order = draw_order(train_labels, config["balanced"], seed, epoch)
        progress = Progress(len(order), "utterances", f"{exp_dir.name} epoch {epoch}")
        model.train()
        total = 0.0
        for x, lengths, indices in batches(train_set, order, config["batch_size"]):
            logits = model(x.to(device), lengths.to(device))
            loss = torch.nn.functional.cross_entropy(
                logits, train_labels[indices].to(device), weight=weight
            )
            if not torch.isfinite(loss):
                named = ", ".join(train_set.utts[i] for i in indices[:5])
                raise UserError(
                    f"{exp_dir}: the loss is {loss.item()} in epoch {epoch}, at {named}, ...; "
                    "last.pt is the state before; lower optimizer_conf.lr or look at the sounds"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if config["grad_clip"]:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config["grad_clip"])
            optimizer.step()
            schedule.step()
            total += loss.item() * len(indices)
            progress.advance(len(indices), f"loss {total / (progress.done + len(indices)):.3f}")
        progress.close()
        scores, dev_loss = evaluate(model, dev_set, dev_labels, weight, config, device)
        row = (
            epoch,
            optimizer.param_groups[0]["lr"],
            total / len(order),
            dev_loss,
            eer(scores[dev_labels == 1], scores[dev_labels == 0]),
        )
        state["curve"].append(row)
        log("  ".join(f"{name} {value:.5g}" for name, value in zip(COLUMNS, row, strict=True)))
        value = row[COLUMNS.index(config["select"]["metric"])]
        if state["best"] is None or value < state["best"][1]:
            state["best"] = (epoch, value)
            save_checkpoint(exp_dir / "best.pt", {"model": model.state_dict(), "epoch": epoch})
        write_curve(exp_dir / "curve.csv", state["curve"])
        save_checkpoint(
            exp_dir / "last.pt",
            {
                **state,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
            },
        )
    epoch, value = state["best"]
    log(f"chosen: epoch {epoch} by {config['select']['metric']} {value:.5g} on {dev_dir}")
    return epoch


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
            raise UserError(f"{data_dir}/utt2label: holds no {label} utterance; wanted both classes")
    return torch.tensor([LABELS.index(labels[utt]) for utt in wavs])


def draw_order(labels, balanced, seed, epoch):
    """Indices of one epoch: a permutation, or as many draws with both classes equally likely."""
    rng = np.random.default_rng((seed, epoch))
    if not balanced:
        return rng.permutation(len(labels)).tolist()
    weights = 1.0 / np.bincount(labels)[labels]
    return rng.choice(len(labels), len(labels), p=weights / weights.sum()).tolist()


def schedule_of(name, steps):
    """Factor of the learning rate at each step, for LambdaLR."""
    if name == "cosine":
        return lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
    return lambda step: 1.0


def finished_early(state, patience):
    """Whether the last `patience` epochs brought no new best; never where patience is 0."""
    return bool(patience) and len(state["curve"]) - (state["best"] or (0,))[0] >= patience


@torch.inference_mode()
def score(model, inputs, batch_size, device, log_progress=True):
    """Scores (N,) float32 of `inputs` in their order: logit of bona fide minus logit of spoof."""
    model.eval()
    found = np.empty(len(inputs), np.float32)
    progress = Progress(len(inputs), "utterances", "score") if log_progress else None
    for x, lengths, indices in batches(inputs, range(len(inputs)), batch_size):
        logits = model(x.to(device), lengths.to(device)).float().cpu()
        found[indices.numpy()] = (logits[:, 1] - logits[:, 0]).numpy()
        if progress:
            progress.advance(len(indices))
    return found


def evaluate(model, dev_set, labels, weight, config, device):
    """Scores (N,) of dev, and the mean cross-entropy there with the classes' `weight`."""
    scores = score(model, dev_set, config["batch_size"], device, log_progress=False)
    logits = torch.stack([torch.zeros(len(scores)), torch.from_numpy(scores)], 1)  # same softmax
    return scores, torch.nn.functional.cross_entropy(logits, labels, weight=weight.cpu()).item()


def save_checkpoint(path, state):
    """Write `state` whole or not at all; equal states give equal bytes, whatever the file's name."""
    buffer = io.BytesIO()
    torch.save(state, buffer)  # to a path, it would store the temporary name inside
    with atomic_open(path, "wb") as stream:
        stream.write(buffer.getbuffer())


def load_checkpoint(path, device="cpu"):
    """Read what `save_checkpoint` wrote; nothing in the file can run code."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: is not a whole checkpoint ({reason}); remove it") from None


def write_curve(path, rows):
    """Write curve.csv: one line per epoch, COLUMNS."""
    with atomic_open(path) as stream:
        stream.write(",".join(COLUMNS) + "\n")
        stream.writelines(",".join(f"{value:.8g}" for value in row) + "\n" for row in rows)
