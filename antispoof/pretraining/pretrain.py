"""Pre-training a small HuBERT: hear part of an utterance, tell the hidden units of the rest.

The model is s3prl's own, so what is saved is what its `hubert_local` upstream reads. As in fairseq,
a batch is cut to its shortest utterance and holds no padding. All draws of epoch e come from
(seed, e); `last.pt` is written after each, so a run that was killed ends in the same bytes on a CPU
as one that was not.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import CONVERSIONS, SAMPLE_RATE
from ..config import SEED, load_config
from ..config.keys import Words
from ..data.audio import read_wave
from ..data.seeds import epoch_generator, seed_torch
from ..errors import UserError
from ..files import atomic_open
from ..progress import Progress
from ..ssl.conventions import STRIDE, frame_count
from ..torch_utils.checkpoint import is_named, load_checkpoint, save_checkpoint
from ..torch_utils.parts import restore
from ..torch_utils.schedules import schedule_of
from .hubert import build_hubert, in_s3prl_form, predict
from .kmeans_units import bonafide_waves, find_units

# What a pre-training can say.
PRETRAINING = {
    "clusters": 100,  # k-means clusters of MFCCs, the targets
    "kmeans_frames": 200000,  # frames of 20 ms drawn to learn the clusters from, at most
    "conv_channels": 64,  # of each of the seven convolutions
    "layers": 3,  # transformer layers
    "dim": 192,
    "ffn_dim": 768,
    "heads": 4,
    "conv_pos": 64,  # kernel of the positional convolution, in frames
    "conv_pos_groups": 16,
    "final_dim": 64,  # where frames and clusters are compared
    "dropout": 0.1,
    "mask_prob": 0.8,  # share of frames that spans would hide if none overlapped
    "mask_length": 10,  # frames
    "heard_weight": 0.5,  # of the loss of a frame that was not hidden; of a hidden one it is 1
    "features_penalty": 10.0,  # weight of the mean square of the convolutions' output
    "crop_seconds": 2.0,  # longest stretch of an utterance in a batch
    "min_seconds": 0.5,  # shorter utterances are left out
    "held_out": 20,  # every so manieth utterance is not learnt from; the curve tells its loss
    "epochs": 20,
    "batch_size": 8,
    "lr": 7e-4,
    "warm_up": 0.08,  # share of all steps; then a cosine down to nothing
    "weight_decay": 0.01,
    "grad_clip": 1.0,  # largest gradient norm; 0: none
}
ALLOW = {"allow": Words([], CONVERSIONS)}  # conversions of sounds; left out where there are none
LEAST = {"clusters": 2, "held_out": 2}  # of other whole numbers 1, of what may be a fraction 0
MOST = {"dropout": 1, "mask_prob": 1, "warm_up": 1}
FRAME = 400  # samples that one frame sees
POOL = 16  # batches whose utterances are sorted by length together
_MEASURES = ("loss", "accuracy", "heard_loss", "heard_accuracy")
COLUMNS = ("epoch", "lr", *_MEASURES, *(f"held_out_{name}" for name in _MEASURES))


def load_pretraining(path: str | Path, seed: int, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The resolved config of a pre-training: file, overrides and seed. Raises UserError."""
    config = load_config(path, {**PRETRAINING, **ALLOW}, overrides)
    if not config["allow"]:  # as of pre-trainings that began before there was one
        del config["allow"]
    for key, default in PRETRAINING.items():
        least = LEAST.get(key, 1 if isinstance(default, int) else 0)
        if not least <= config[key] <= MOST.get(key, math.inf):
            wanted = f"from {least} to {MOST[key]}" if key in MOST else f"{least} or more"
            raise UserError(f"{path}: '{key}' is {config[key]}, wanted {wanted}")
    if config["dim"] % config["heads"] or config["dim"] % config["conv_pos_groups"]:
        raise UserError(f"{path}: 'dim' must be a multiple of 'heads' and 'conv_pos_groups'")
    shortest = min(config["crop_seconds"], config["min_seconds"])
    if frame_count(round(shortest * SAMPLE_RATE)) < 2 * config["mask_length"]:
        raise UserError(
            f"{path}: utterances of {shortest} s hold fewer frames than two spans of "
            f"{config['mask_length']}; raise 'min_seconds' and 'crop_seconds'"
        )
    return {**config, "seed": SEED.check(int(seed), path, "seed")}


def pretrain(
    config: dict[str, Any], data_dir: str | Path, exp_dir: str | Path, log: Callable[[str], object]
) -> None:
    """Pre-train by `config` (resolved) on the bona fide utterances of `data_dir`, on the CPU.

    After each epoch `exp_dir` holds upstream.pt, the model in s3prl's form, curve.csv (COLUMNS;
    losses in nats per frame, of hidden frames and of those that were heard) and last.pt, from which
    the next call continues. `log` takes lines. Raises UserError.
    """
    exp_dir = Path(exp_dir)
    wavs = bonafide_waves(data_dir)
    units = find_units(wavs, config, exp_dir / "units.pt")
    utts = list(units)
    log(f"{len(wavs)} bona fide utterances, {len(utts)} of {config['min_seconds']} s or more")
    held_out = utts[:: config["held_out"]]
    learnt = sorted(set(utts) - set(held_out))
    if not learnt:
        raise UserError(f"{data_dir}: holds {len(utts)} utterances to learn from; wanted more")
    learner = Pretrainer(config, wavs, units, math.ceil(len(learnt) / config["batch_size"]))
    curve = []
    if (exp_dir / "last.pt").exists():
        state, curve = _read_last(exp_dir / "last.pt")
        learner.load_state_dict(state)
        log(f"continuing after epoch {len(curve)}")
    log(f"{sum(p.numel() for p in learner.model.parameters())} parameters")
    for epoch in range(len(curve) + 1, config["epochs"] + 1):
        found = learner.run(learnt, epoch)
        held = learner.run(held_out, 0, learn=False)
        row = (epoch, learner.schedule.get_last_lr()[0], *found, *held)
        log("  ".join(f"{name} {value:.5g}" for name, value in zip(COLUMNS, row, strict=True)))
        curve.append(row)
        with atomic_open(exp_dir / "curve.csv") as stream:
            stream.write(",".join(COLUMNS) + "\n")
            stream.writelines(",".join(f"{value:.6g}" for value in row) + "\n" for row in curve)
        save_checkpoint(exp_dir / "upstream.pt", in_s3prl_form(learner.model, config))
        save_checkpoint(
            exp_dir / "last.pt", {"learner": learner.state_dict(), "curve": curve}
        )  # last: what it tells to be done is done


def draw_batches(
    frames: dict[str, int], longest: int, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[list[tuple[str, int]], int]]:
    """Batches of one pass: lists of (utterance, first frame), and the frames of each.

    frames: {utterance: how many}. Utterances of like length come together, so that cutting a batch
    to its shortest (and to `longest`) loses little; where each is cut is drawn.
    """
    order = [list(frames)[index] for index in rng.permutation(len(frames))]
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = sorted(order[start : start + POOL * batch_size], key=lambda utt: frames[utt])
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    for index in rng.permutation(len(batches)):
        count = min(longest, *(frames[utt] for utt in batches[index]))
        places = [(utt, int(rng.integers(frames[utt] - count + 1))) for utt in batches[index]]
        yield places, count


def _read_last(path):
    """(learner's state, rows of the curve) of last.pt. Raises UserError."""
    state = load_checkpoint(path)
    learner, curve = (state.get(k) if is_named(state) else None for k in ("learner", "curve"))
    rows = curve if isinstance(curve, list) else [None]
    if not is_named(learner) or not all(
        isinstance(row, tuple) and len(row) == len(COLUMNS) and set(map(type, row)) <= {int, float}
        for row in rows
    ):
        raise UserError(f"{path}: found no state and curve of a pre-training; remove it")
    return learner, curve


class Pretrainer:
    """A model with its optimiser and schedule, and how a pass over utterances changes them."""

    def __init__(
        self,
        config: dict[str, Any],
        wavs: dict[str, str],
        units: dict[str, torch.Tensor],
        steps_per_epoch: int,
    ) -> None:
        self.config, self.wavs, self.units = config, wavs, units
        self.longest = frame_count(round(config["crop_seconds"] * SAMPLE_RATE))
        self.model = build_hubert(config)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config["lr"],
            betas=(0.9, 0.98),
            eps=1e-6,
            weight_decay=config["weight_decay"],
        )
        steps = config["epochs"] * steps_per_epoch
        rise = max(1, round(config["warm_up"] * steps))
        # steps in place of epochs: the rise is a share of them all
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, schedule_of("cosine", steps, 1, warmup=rise)
        )

    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` gave. Raises UserError."""
        restore(self.parts(), state, "last.pt")

    def run(self, utts: Sequence[str], epoch: int, learn: bool = True) -> list[float]:
        """One pass over `utts`: loss and accuracy of hidden frames, then of those that were heard.

        Without `learn` nothing changes, and epoch 0 always hides the same.
        """
        seed = self.config["seed"]
        number = seed_torch(seed, epoch)  # dropout
        np.random.seed(number % 2**32)  # s3prl draws its masks from here
        frames = {utt: len(self.units[utt]) for utt in utts}
        rng = epoch_generator(seed, epoch)
        progress = Progress(len(utts), "utterances", f"epoch {epoch}" if learn else "held out")
        self.model.train(learn)
        sums = np.zeros((2, 3))  # hidden, heard: loss, right, frames
        with torch.set_grad_enabled(learn):
            for places, count in draw_batches(frames, self.longest, self.config["batch_size"], rng):
                sums += self.step(*self._load(places, count), learn, epoch)
                progress.advance(len(places), f"loss {sums[0, 0] / sums[0, 2]:.3f}")
        progress.close()
        return (sums[:, :2] / sums[:, 2:]).ravel().tolist()

    def _load(self, places: list[tuple[str, int]], count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Waves (B, S) and units (B, T) of batch `places`, T = count."""
        waves, units = [], []
        for utt, first in places:
            begin = first * STRIDE
            wave = read_wave(self.wavs[utt], utt, self.config.get("allow", ()))
            waves.append(torch.from_numpy(wave[begin : begin + (count - 1) * STRIDE + FRAME]))
            units.append(self.units[utt][first : first + count].long())
        return torch.stack(waves), torch.stack(units)

    def step(
        self, waves: torch.Tensor, units: torch.Tensor, learn: bool, epoch: int
    ) -> list[list[float]]:
        """One batch; ((summed loss, right, frames) of hidden frames, same of heard ones).

        A loss that is not finite changes nothing; raises UserError.
        """
        losses, right, hidden, energy = predict(self.model, waves, units)
        weights = hidden + ~hidden * self.config["heard_weight"]
        total = (losses * weights).sum() / weights.sum() + self.config["features_penalty"] * energy
        if not torch.isfinite(total):
            raise UserError(f"the loss is {total.item()} in epoch {epoch}; lower lr, start again")
        if learn:
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            if self.config["grad_clip"]:
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config["grad_clip"])
            self.optimizer.step()
            self.schedule.step()
        return [
            [losses[chosen].sum().item(), right[chosen].sum().item(), chosen.sum().item()]
            for chosen in (hidden, ~hidden)
        ]
