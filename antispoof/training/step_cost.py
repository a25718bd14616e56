"""What a step of training costs before it is run: parameters, time, memory.

The memory of a step is counted from the tensors that it makes, on any device: a batch of two
utterances and one of three are run, and what the third adds is taken for each further one, since
batch norms refuse a batch of one. Weights, their moving average and what the optimiser keeps come
on top. A step that looks uphill (`sharpness`) is run with both its passes, a model of frames with
its loss. What a device's allocator and libraries take is not in it; and it is the memory of one
process that computes all of a batch, of which several processes have a share each.
"""

import statistics
import time
from typing import Any, cast

import torch

from .. import SAMPLE_RATE
from ..losses.frame_loss import FrameLoss
from ..losses.losses import Loss
from ..scoring.build import build_system, parameter_groups
from ..scoring.cost import PeakMemory, count, example, saved_bytes
from ..scoring.frames import frames_of
from ..ssl.finetuned import FineTuned
from .averaging import MovingAverage
from .optimisers import make_optimizer
from .sharpness import uphill


def describe_steps(config: dict[str, Any], rounds: int = 3) -> list[dict[str, Any]]:
    """Rows of `step_cost`, each with a `name`: of the config, and of its whole and frozen upstream.

    The last two are there with `feats: ssl` alone. Raises UserError.
    """
    ways = {"this config": config}
    if config["feats"] == "ssl":
        plain = {**config["finetune"], "method": "full", "method_conf": {}}
        for name, layers in (("full", "all"), ("frozen", "none")):
            ways[name] = {**config, "finetune": {**plain, "layers": layers}}
    return [{"name": name, **step_cost(way, rounds)} for name, way in ways.items()]


def step_cost(config: dict[str, Any], rounds: int = 3) -> dict[str, Any]:
    """{what: number} of a training step of a resolved config; sizes in bytes.

    `step` is the median time of a step of two utterances in products of two matrices of
    1024 x 1024, as `scoring.cost.latency` has it; `memory` that of the largest part of a batch,
    `utterances` at once, each of the shape `input`. Raises UserError.
    """
    step = Step(config)
    x, lengths = example(config)
    pair, more = (step.peak(*_repeated(x, lengths, n)) for n in (2, 3))
    utterances = -(-config["batch_size"] // config["accum_grad"])
    batch, matrix = _repeated(x, lengths, 2), torch.ones(1024, 1024)
    times = [_seconds(step, *batch) for _ in range(rounds + 1)]
    products = [_seconds(torch.matmul, matrix, matrix) for _ in range(rounds + 1)]
    return {
        **count(step.model),
        "saved_bytes": saved_bytes(step.model),
        "step": statistics.median(times[1:]) / statistics.median(products[1:]),
        "utterances": utterances,
        "input": list(x.shape[1:]),
        "memory": step.held() + pair + (utterances - 2) * (more - pair),
    }


class Step:
    """A step of training of a resolved config, as `Learner` makes it, of a batch that is made up.

    Half of the utterances are spoofed, each as a whole.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.model: Any = build_system(config).train()
        self.loss, self.frames = Loss(config), cast(Any, frames_of(self.model))
        self.optimizer = make_optimizer(config, parameter_groups(self.model, config))
        decay = config["select"]["ema"]
        self.average = MovingAverage(self.model, decay) if decay else None
        self.rho, self.adaptive = config["sharpness"]["rho"], config["sharpness"]["adaptive"]
        self.unit = 1 / SAMPLE_RATE  # seconds
        if self.frames and config["feats"] == "cached":
            self.unit = self.frames.frame_seconds

    def __call__(self, x: torch.Tensor, lengths: torch.Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self._gradients(x, lengths)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model)

    def peak(self, x: torch.Tensor, lengths: torch.Tensor) -> int:
        """The most bytes alive of the tensors that forward and backward make, with gradients."""
        self.model.zero_grad(set_to_none=True)
        memory = PeakMemory([*self.model.parameters(), *self.model.buffers(), x, lengths])
        with memory:
            self._gradients(x, lengths)
        self.model.zero_grad(set_to_none=True)
        return memory.peak

    def held(self) -> int:
        """The bytes of what stays from step to step, once there was one."""
        state = self.optimizer.state.values()
        moments = [v for own in state for v in own.values() if torch.is_tensor(v)]
        average = list(self.average.average.values()) if self.average else []
        fixed = [*self.model.parameters(), *self.model.buffers(), *moments, *average]
        return sum(tensor.nbytes for tensor in fixed)

    def _gradients(self, x, lengths):
        self._backward(x, lengths)
        if self.rho:
            with uphill(self.model, self.rho, self.adaptive):
                self._backward(x, lengths)

    def _backward(self, x, lengths):
        labels = torch.arange(len(x)) % 2
        if self.frames:
            found = self.model.localise(x, lengths)
            loss = self._of_frames(self.frames, lengths, labels)
            loss = loss.total(found, range(len(x)), [0.0] * len(x)) / len(x)
        else:
            loss = self.loss.total(self.model(x, lengths), labels) / self.loss.denominator(labels)
        penalty = self.model.front_end.penalty() if isinstance(self.model, FineTuned) else None
        (loss if penalty is None else loss + penalty).backward()

    def _of_frames(self, frames, lengths, labels):
        """The loss of a model of frames, of sounds that are spoofed as a whole, or not at all."""
        seconds = (lengths * self.unit).tolist()
        spans = {
            row: [(0.0, end, "bonafide" if label else "spoof")]
            for row, (end, label) in enumerate(zip(seconds, labels.tolist(), strict=True))
        }
        return FrameLoss(self.loss, spans, frames.learns_whole)


def _repeated(x, lengths, times):
    return x.repeat(times, *[1] * (x.ndim - 1)), lengths.repeat(times)


def _seconds(function, *args):
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started
