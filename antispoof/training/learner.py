"""A model with its optimiser, and how an epoch and a batch change it."""

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.seeds import epoch_generator, seed_torch
from ..errors import UserError
from ..layers.norms import share_norms
from ..losses.losses import Loss
from ..losses.samo import attractors_of, without_attractors
from ..progress import Progress
from ..scoring.batches import load
from ..scoring.build import build_system, parameter_groups
from ..scoring.inputs import Inputs
from ..ssl.finetuned import FineTuned, starting
from ..torch_utils.checkpoint import fit_weights, read_weights
from ..torch_utils.distributed import SINGLE, Team, deal
from ..torch_utils.parts import restore
from .averaging import MovingAverage
from .bad_batch import Part, keep_bad_batch
from .frames import task_of
from .optimisers import make_optimizer, make_schedule
from .sharpness import uphill

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Learner:
    """A model, its optimiser, and their state, of a resolved config with one phase.

    Args: inputs, labels: the training set; name: of the experiment, for messages; team: the
    processes that learn together; workers: processes that load the data of this one.
    """

    def __init__(
        self,
        config: dict[str, Any],
        inputs: Inputs,
        labels: torch.Tensor,
        device: torch.device,
        name: str,
        team: Team = SINGLE,
        workers: int = 0,
    ) -> None:
        seed_torch(config["seed"])
        self.config, self.inputs, self.labels = config, inputs, labels
        self.device, self.name, self.team, self.workers = device, name, team, workers
        self.model = build_system(config).to(device)
        self.sharing = share_norms(self.model) if team.size > 1 else None
        self.loss = Loss(config, device)
        self.frames = task_of(self.model, inputs, self.loss)
        self.optimizer = make_optimizer(config, parameter_groups(self.model, config))
        steps = math.ceil(len(inputs) / config["batch_size"])
        self.schedule = make_schedule(config, self.optimizer, steps)
        self.dtype = DTYPES.get(config["autocast"]) if device.type == "cuda" else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        if config["tf32"]:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        decay = config["select"]["ema"]
        self.average = MovingAverage(self.model, decay) if decay else None
        self.attractors, self.speakers = attractors_of(self.model), torch.empty(0)
        self.folder: Path | None = None  # of the experiment, where a batch that failed is kept
        self.waited = 0.0  # share of the last epoch's time in which there was no data

    def parts(self) -> dict[str, Any]:
        own = {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }
        return {**own, "average": self.average} if self.average else own

    def start_from(self, path: str | Path, other_set: bool = False) -> None:
        """Take the weights of a checkpoint. Raises UserError where they do not fit.

        A model with its front end takes those of a back end that learnt on cached features too.
        other_set: it may have learnt on another set, whose speakers' attractors are not taken.
        """
        weights, model = read_weights(path, self.device), self.model
        if isinstance(model, FineTuned) and not any(n.startswith("front_end.") for n in weights):
            model = model.back_end
        if other_set:
            weights = without_attractors(model, weights)
        with starting(model):
            fit_weights(model, weights, path, f"the model of {self.name}")
        if self.average:
            self.average = MovingAverage(self.model, self.average.decay)

    @contextlib.contextmanager
    def judged(self) -> Iterator[torch.nn.Module]:
        """The model as it is judged and kept: the same in every process, or its moving average."""
        self.team.broadcast_tensors([b for b in self.model.buffers() if b.is_floating_point()])
        with self.average.inside(self.model) if self.average else contextlib.nullcontext():
            yield self.model

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any], path: str | Path) -> None:
        """Go on from the state `state` of the file `path`. Raises UserError where it is no such."""
        restore(self.parts(), state, path)

    def run_epoch(self, epoch: int) -> float:
        """Go through the training set once; returns the mean loss. Raises UserError for a NaN."""
        config, seed = self.config, self.config["seed"]
        # dropout, of each process its own; order and crops draw from (seed, epoch) apart
        seed_torch(seed, epoch, self.team.rank)
        self.inputs.epoch = epoch
        order = draw_order(self.labels, config["balanced"], seed, epoch)
        plan = list(deal(order, config["batch_size"], config["accum_grad"], self.team))
        if not self.sharing:
            plan = [(batch, [part for part in parts if part]) for batch, parts in plan]
        wanted = [part or batch[:1] for batch, parts in plan for part in parts]
        feed = load(self.inputs, wanted, self.workers)
        quiet = not self.team.is_main
        progress = Progress(len(order), "utterances", f"{self.name} epoch {epoch}", quiet=quiet)
        self.model.train()
        total, waited, started = 0.0, 0.0, time.monotonic()
        for number, (batch, parts) in enumerate(plan, 1):
            asked = time.monotonic()
            loaded = [(bool(part), *next(feed)) for part in parts]
            waited += time.monotonic() - asked
            with self.memory_said():
                loss = self.step(loaded, batch)
            if not math.isfinite(loss):
                self._refuse(batch, loaded, epoch=epoch, batch_number=number, loss=loss)
            total += loss * len(batch)
            progress.advance(len(batch), self._note(total / (progress.done + len(batch))))
        progress.close()
        if self.attractors is not None:
            every = self.loss.settings["every"]
            self.attractors.end_epoch(epoch % every == 0, self.team)
        self.waited = waited / (time.monotonic() - started)
        return total / len(order)

    def _refuse(self, batch, parts, **found):
        """Keep a batch whose loss is not finite, and raise a UserError that names it."""
        named, kept = ", ".join(self.inputs.utts[i] for i in batch), ""
        if self.folder:
            kept = f"; see {self.folder / 'bad_batch.json'}"
            if self.team.is_main:
                keep_bad_batch(self.folder, self, batch, parts, **found)
        raise UserError(
            f"{self.name}: the loss is {found['loss']} in epoch {found['epoch']}; last.pt is the "
            f"state before it; lower optimizer_conf.lr, or look at the batch: {named}{kept}"
        )

    def step(self, parts: Iterable[Part], batch: Sequence[int]) -> float:
        """One change of the weights; a loss that is not finite changes none.

        parts: what this process computes of the batch, collated, each behind whether it counts or
        stands in; batch: indices of all of it. Returns the loss of the whole batch.
        """
        parts, (rho, adaptive) = list(parts), self.config["sharpness"].values()
        value = self._gradients(parts, batch)
        if math.isfinite(value) and rho:
            self.team.all_reduce_gradients(list(self.model.parameters()))
            with uphill(self.model, rho, adaptive):
                found = self._gradients(parts, batch)
            value = value if math.isfinite(found) else found
        if math.isfinite(value):
            self._change()
        return value

    def _gradients(self, parts, batch):
        """Compute the gradients of a batch; returns its loss."""
        denominator = self.loss.denominator(self.labels[batch])
        total = torch.zeros((), device=self.device)
        self.optimizer.zero_grad(set_to_none=True)
        for counts, *given in parts:
            if self.sharing:
                self.sharing.counts = counts
            if self.attractors is not None and len(self.speakers):
                owners = self.speakers[given[2]]
                self.attractors.owners = owners if counts else torch.full_like(owners, -1)
            loss = self._loss(*given)
            loss = loss / denominator if counts else 0 * loss
            loss = self._penalised(loss, len(given[2]) / len(batch) if counts else 0.0)
            self.scaler.scale(loss).backward()
            total += loss.detach()
        return self.team.all_reduce(total).item()

    def _penalised(self, loss, share):
        """A part's loss with its share of what a method of `finetune` adds for the batch."""
        penalty = self.model.front_end.penalty() if isinstance(self.model, FineTuned) else None
        return loss if penalty is None else loss + share * penalty

    def _loss(self, x, lengths, indices, starts=None):
        """The sum over utterances; starts (B,): of the crops, for a model of frames."""
        given = x.to(self.device), lengths.to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            found = self.model.localise(*given) if self.frames else self.model(*given)
        if self.frames:
            return self.frames.total(found, indices, starts)
        return self.loss.total(found.float(), self.labels[indices].to(self.device))

    def _change(self):
        parameters = list(self.model.parameters())
        self.team.all_reduce_gradients(parameters)
        self.scaler.unscale_(self.optimizer)
        if self.config["grad_clip"]:
            torch.nn.utils.clip_grad_norm_(parameters, self.config["grad_clip"])
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        if self.average:
            self.average.update(self.model)

    def _note(self, loss):
        if self.device.type != "cuda":
            return f"loss {loss:.3f}"
        used = torch.cuda.max_memory_allocated(self.device) / 2**30
        return f"loss {loss:.3f}, at most {used:.1f} GiB of the GPU"

    @contextlib.contextmanager
    def memory_said(self) -> Iterator[None]:
        """Turn a lack of memory into a line that says what to change."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            # a CPU's allocator has no error of its own
            known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
            if not known and "DefaultCPUAllocator" not in str(error):
                raise
            raise UserError(
                f"{self.name}: out of memory at batch_size {self.config['batch_size']}, accum_grad "
                f"{self.config['accum_grad']}; last.pt is the state before this epoch; raise "
                "accum_grad, which computes the same batch in more parts, or lower batch_size"
            ) from None


def draw_order(labels: torch.Tensor, balanced: bool, seed: int, epoch: int) -> list[int]:
    """Indices of one epoch: a permutation, or as many draws with both classes equally likely."""
    rng = epoch_generator(seed, epoch)
    if not balanced:
        return rng.permutation(len(labels)).tolist()
    weights = 1.0 / np.bincount(labels)[labels.numpy()]
    return rng.choice(len(labels), len(labels), p=weights / weights.sum()).tolist()
