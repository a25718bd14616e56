"""What a model costs: parameters, multiply-accumulates (MACs), bytes on disk and in memory.

MACs are half of what torch's `FlopCounterMode` counts in one forward pass in eval mode, batch 1, on
a CPU: matrix products, convolutions and attention, without the Fourier transform of a front end,
activations and norms. Other counters differ by some percent, so a number means little next to one
of another counter or another length of input.
"""

import inspect
import math
import statistics
import time
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from .. import SAMPLE_RATE
from ..config import EXPERIMENT
from ..models import MODELS
from ..ssl.conventions import frame_count
from ..ssl.families import family_named
from ..ssl.fetch import OWN
from ..ssl.s3prl import find_upstream
from ..ssl.upstream import FrozenUpstream
from .build import build_system, upstream_settings

SAMPLES = 64600  # of the published counts, where a config does not say another length


def _attention(query, key, value, *_, **__):
    return sdpa_flop_count(query, key, value)


def _recurrent(x, weight, own_weight, *_, **__):
    """Shapes: x (T, B, D) of one layer and direction, weights (4 H, D) and (4 H, H)."""
    return 2 * math.prod(x[:2]) * (math.prod(weight) + math.prod(own_weight))


# What a CPU makes one operation of, and the counter does not know
ALSO_COUNTED = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten.mkldnn_rnn_layer: _recurrent,
}


def whole(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a detector from sound to score, as costs are compared.

    Of 64,600 samples, or of the config's own length where a head is made for it. The front end of
    cached features, where it is a network, is a part like any other.
    """
    if not MODELS[config["model"]].takes_one_length(config["model_conf"]):
        config = {**config, "crop": {**config["crop"], "seconds": EXPERIMENT["crop"]["seconds"]}}
    if config["feats"] == "cached":
        settings = upstream_settings(config)
        if settings["checkpoint"] or not _is_signal_processing(settings["name"]):
            return {**config, "feats": "ssl"}
    return config


def describe(config: dict[str, Any], rounds: int = 0) -> dict[str, Any]:
    """{what: number} of the model of a resolved experiment config; sizes in bytes.

    `modules` lists (name, parameters, trainable, MACs) of its parts. With `feats: cached` it is the
    model alone, with `feats: ssl` the front end is the first part. With `rounds`, latency is what
    as many forward passes take on the CPU, with the threads that torch has, in products of two
    matrices of 1024 x 1024. Raises UserError.
    """
    model = build_system(config).eval()
    x, lengths = example(config)
    macs, peak = measure(model, x, lengths)
    parts = [
        {"name": name, **count(part), "macs": macs_of(part, f"{type(model).__name__}.{name}", macs)}
        for name, part in _parts(model)
    ]
    total = {**count(model), "macs": macs["Global"]}
    own = {key: total[key] - sum(part[key] for part in parts) for key in total}
    if any(own.values()):
        parts.append({"name": "(itself)", **own})
    return {
        "model": config["model"],
        "feats": config["feats"],
        "upstream": config["upstream"],
        "input": list(x.shape),
        "modules": parts,
        **total,
        "trainable_share": total["trainable"] / max(total["parameters"], 1),
        "saved_bytes": saved_bytes(model),
        "peak_activation_bytes": peak,
        **({"latency": latency(model, x, lengths, rounds)} if rounds else {}),
    }


def latency(model: torch.nn.Module, x: torch.Tensor, lengths: torch.Tensor, rounds: int) -> float:
    """Median time of a forward pass, once warm, over that of a matrix product timed in turn.

    A product of 1024 x 1024 float32 matrices, 1.07 G MACs that are as fast as this machine can:
    milliseconds would be of this machine, and of what else it does.
    """
    matrix, passes, products = torch.ones(1024, 1024), [], []
    with torch.no_grad():
        for _ in range(rounds + 1):
            passes.append(_seconds(model, x, lengths))
            products.append(_seconds(torch.matmul, matrix, matrix))
    return statistics.median(passes[1:]) / statistics.median(products[1:])


def _seconds(function, *args):
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def _parts(model):
    """(name, module) of its parts; an upstream and its back end are parts of their own."""
    for name, part in model.named_children():
        if name == "back_end":
            yield from ((f"{name}.{inner}", module) for inner, module in part.named_children())
        else:
            yield name, part


def example(config: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of one random utterance, of the config's length: x (1, S) or (1, L, T, D), (1,)."""
    seconds = config["crop"]["seconds"]
    stated = seconds != EXPERIMENT["crop"]["seconds"]
    samples = round(seconds * SAMPLE_RATE) if stated else SAMPLES
    generator = torch.Generator().manual_seed(0)
    if config["feats"] != "cached":
        return 0.1 * torch.randn(1, samples, generator=generator), torch.tensor([samples])
    frames, dim = _frames_and_dim(config, samples)
    x = torch.randn(1, len(config["layers"]), frames, dim, generator=generator)
    return x, torch.tensor([frames])


def _frames_and_dim(config, samples):
    """(T, D) of what is cached; weights are opened only for a model that takes any D."""
    settings = upstream_settings(config)
    if settings["window"]["policy"] != "full":
        samples = settings["window"]["samples"]
    model = MODELS[config["model"]]
    baseline = not settings["checkpoint"] and _is_signal_processing(settings["name"])
    if baseline or "dim" not in model.shaped_by:
        (found,) = FrozenUpstream(settings)([torch.zeros(samples).numpy()], [config["model"]])
        return next(iter(found.values())).shape
    dim = config["model_conf"].get("dim", inspect.signature(model).parameters["dim"].default)
    if settings["name"] in OWN:
        return OWN[settings["name"]].frame_count(samples), dim
    family = family_named(settings["name"])
    if family and not family.transformer:
        return max(1, samples // family.hop), dim
    return frame_count(samples, settings["frames"]), dim


def _is_signal_processing(name):
    return name not in OWN and find_upstream(name).__module__.startswith("s3prl.upstream.baseline")


def count(module: torch.nn.Module) -> dict[str, int]:
    """How many parameters, and how many of them are trainable."""
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return {
        "parameters": sum(size for size, _ in sizes),
        "trainable": sum(size for size, trainable in sizes if trainable),
    }


def measure(
    model: torch.nn.Module, x: torch.Tensor, lengths: torch.Tensor
) -> tuple[dict[str, int], int]:
    """One forward pass: ({full name of a module called: MACs}, peak bytes of activations)."""
    memory = PeakMemory([*model.parameters(), *model.buffers(), x, lengths])
    counter = FlopCounterMode(display=False, custom_mapping=ALSO_COUNTED)
    with torch.no_grad(), counter, memory:
        model(x, lengths)
    flops = counter.get_flop_counts()
    return {name: sum(by_kind.values()) // 2 for name, by_kind in flops.items()}, memory.peak


def macs_of(module: torch.nn.Module, name: str, macs: dict[str, int]) -> int:
    """MACs of a module, or of its parts where it is only their list."""
    if name in macs:
        return macs[name]
    return sum(macs_of(part, f"{name}.{inner}", macs) for inner, part in module.named_children())


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of the tensors alive that were made while it is on; `peak` is the most.

    Args: fixed: tensors that do not count, though operations may return views of them.
    """

    def __init__(self, fixed: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known = {tensor.untyped_storage()._cdata for tensor in fixed}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._take(tensor.untyped_storage())
        return result

    def _take(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._release, key, size)

    def _release(self, key, size):
        self.known.discard(key)
        self.now -= size


def saved_bytes(model: torch.nn.Module) -> int:
    """The size of the file that the model's state is saved in."""
    file = _Counted()
    torch.save(model.state_dict(), file)
    return file.size


class _Counted:
    """A file that keeps nothing but its size."""

    size = 0

    def write(self, data):
        self.size += len(data)
        return len(data)

    def flush(self):
        """Nothing waits."""
