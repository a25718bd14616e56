"""What a step of training costs before it is run: parameters, time, memory.

The memory of a step is counted from the tensors that it makes, on any device: a batch of two
utterances and one of three are run, and what the third adds is taken for each further one, since
batch norms refuse a batch of one. Weights and what the optimiser keeps come on top. What a device's
allocator and libraries take is not in it.
"""

import statistics
import time
from typing import Any

import torch

from ..models.losses import Loss
from ..scoring.build import build_system, parameter_groups
from ..scoring.cost import PeakMemory, count, example, saved_bytes
from .optimisers import make_optimizer


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
    model = build_system(config).train()
    loss, optimizer = Loss(config), make_optimizer(config, parameter_groups(model, config))
    x, lengths = example(config)
    pair, more = (_peak(model, loss, *_repeated(x, lengths, n)) for n in (2, 3))
    utterances = -(-config["batch_size"] // config["accum_grad"])
    batch, matrix = _repeated(x, lengths, 2), torch.ones(1024, 1024)
    times = [_seconds(_step, model, loss, optimizer, *batch) for _ in range(rounds + 1)]
    products = [_seconds(torch.matmul, matrix, matrix) for _ in range(rounds + 1)]
    moments = [v for own in optimizer.state.values() for v in own.values() if torch.is_tensor(v)]
    fixed = [*model.parameters(), *model.buffers(), *moments]
    return {
        **count(model),
        "saved_bytes": saved_bytes(model),
        "step": statistics.median(times[1:]) / statistics.median(products[1:]),
        "utterances": utterances,
        "input": list(x.shape[1:]),
        "memory": sum(t.nbytes for t in fixed) + pair + (utterances - 2) * (more - pair),
    }


def _repeated(x, lengths, times):
    return x.repeat(times, *[1] * (x.ndim - 1)), lengths.repeat(times)


def _backward(model, loss, x, lengths):
    labels = torch.arange(len(x)) % 2
    (loss.total(model(x, lengths), labels) / loss.denominator(labels)).backward()


def _peak(model, loss, x, lengths):
    """The most bytes alive of the tensors that forward and backward make, gradients among them."""
    model.zero_grad(set_to_none=True)
    memory = PeakMemory([*model.parameters(), *model.buffers(), x, lengths])
    with memory:
        _backward(model, loss, x, lengths)
    model.zero_grad(set_to_none=True)
    return memory.peak


def _step(model, loss, optimizer, x, lengths):
    optimizer.zero_grad(set_to_none=True)
    _backward(model, loss, x, lengths)
    optimizer.step()


def _seconds(function, *args):
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started
