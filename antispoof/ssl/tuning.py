"""`finetune.method`: what learns of an upstream next to its own weights, which stay as they are.

`full` is the layers' own weights. The others add parameters to the layers named, and are the only
ones that learn and that a state dict holds. `METHODS` says what each takes as `method_conf`.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..config import merge, one_of
from ..config.keys import Key, Layers, Number, Whole, Words, refuse
from ..errors import UserError
from .adapters import Bottleneck, Convolution, Prompts
from .low_rank import Dora, Experts, LowRank
from .matrices import MATRICES, Matrix, matrices_of, read_attention
from .parts import Parts

_LOW_RANK: dict[str, Key] = {
    "matrices": Words(["q", "v"], MATRICES),
    "rank": Whole(8, least=1, most=4096),
    "alpha": Number(16.0, above=0),  # what is added is alpha / rank times the product
    "dropout": Number(0.0, least=0, below=1),
}
METHODS: dict[str, dict[str, Key]] = {
    "full": {},
    "lora": _LOW_RANK,
    "dora": _LOW_RANK,
    "moe_lora": {
        **_LOW_RANK,
        "experts": Whole(4, least=2, most=32),
        "orthogonality": Number(0.0, least=0),  # what the penalty weighs in the loss
    },
    "adapter": {
        "width": Whole(64, least=1, most=8192),
        "dropout": Number(0.0, least=0, below=1),
    },
    "conv_adapter": {
        "width": Whole(64, least=1, most=8192),
        "kernels": Layers([3, 7, 15, 23], wanted="a list of odd lengths in frames"),
    },
    "prompts": {
        "count": Whole(10, least=1, most=1000),
        "dropout": Number(0.1, least=0, below=1),
    },
}
WEIGHTS = {"lora": LowRank, "dora": Dora, "moe_lora": Experts}  # those that change matrices


def tuning_settings(finetune: dict[str, Any], path: str | Path = "config") -> dict[str, Any]:
    """`method_conf` of a block `finetune` over the defaults of its method. Raises UserError."""
    method, given = finetune["method"], finetune["method_conf"]
    one_of(path, "finetune.method", method, METHODS)
    if method == "full":
        if given:
            raise UserError(
                f"{path}: 'finetune.method_conf' has {', '.join(given)}, which 'method: full' "
                f"does not take; wanted one of {', '.join(list(METHODS)[1:])} for 'method'"
            )
        return {}
    conf = merge(METHODS[method], given, f"{path}: finetune.method_conf")
    if conf.get("matrices", ["q"]) == []:
        refuse(path, "finetune.method_conf.matrices", [], f"some of {', '.join(MATRICES)}")
    kernels = conf.get("kernels", [])
    if any(size % 2 == 0 for size in kernels):
        refuse(path, "finetune.method_conf.kernels", kernels, "odd lengths, e.g. [3, 7, 15, 23]")
    if kernels and conf["width"] % len(kernels):
        wanted = f"a multiple of the {len(kernels)} kernels"
        refuse(path, "finetune.method_conf.width", conf["width"], wanted)
    return conf


def tune(parts: Parts, trained: Sequence[int], finetune: dict[str, Any]) -> nn.ModuleDict:
    """Add what a method adds to the layers `trained`; returns it, {layer: {place: module}}.

    The layers' own parameters keep their names. Raises UserError.
    """
    method, conf = finetune["method"], tuning_settings(finetune)
    tuned = nn.ModuleDict()
    for index in trained if method != "full" else ():
        layer = parts.layers[index]
        if method in WEIGHTS:
            added = _change_matrices(layer, WEIGHTS[method], conf)
        elif method == "prompts":
            added = {"prompts": Prompts(parts.dim, **conf)}
            first = parts.layers[0].self_attn
            layer.forward = functools.partial(_prompted, added["prompts"], first, layer.forward)
        else:
            added = _add_adapters(layer, parts.dim, method, conf)
        tuned[str(index)] = nn.ModuleDict(added)
    return tuned


def _change_matrices(layer, kind, conf):
    """Make a layer read some of its matrices through modules of `kind`; returns those."""
    conf = {k: v for k, v in conf.items() if k != "orthogonality"}
    wanted, matrices = conf.pop("matrices"), matrices_of(layer)
    for name in wanted:
        most = min(matrices[name].read()[0].shape)
        if conf["rank"] > most:
            shown = "config: finetune.method_conf"
            refuse(shown, "rank", conf["rank"], f"at most {most}, the least side of matrix {name}")
    added = {name: kind(matrices[name].read()[0], **conf) for name in MATRICES if name in wanted}
    calls: dict[str, Any] = {**matrices}
    calls |= {name: _Changed(matrices[name], module) for name, module in added.items()}
    if any(name in added for name in "qkvo"):
        layer.self_attn.forward = read_attention(layer.self_attn, calls)
    for name in ("fc1", "fc2"):
        if name in added:
            matrices[name].module.forward = calls[name]
    return added


class _Changed:
    """A matrix as it is called, with its change."""

    def __init__(self, matrix: Matrix, change: nn.Module) -> None:
        self.matrix, self.change = matrix, change

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, *self.matrix.read())


def _add_adapters(layer, dim, method, conf):
    """Put adapters behind parts of a layer; returns them."""
    attention, last = layer.self_attn, matrices_of(layer)["fc2"].module
    if method == "conv_adapter":
        found = {"attention": Convolution(dim, **conf)}
    else:
        found = {name: Bottleneck(dim, **conf) for name in ("attention", "feed_forward")}
        last.forward = functools.partial(_then, found["feed_forward"], last.forward)
    attention.forward = functools.partial(_adapted, found["attention"], attention.forward)
    return found


def _then(adapter, forward, x):
    return adapter(forward(x))


def _adapted(adapter, forward, *args, **options):
    """The output of a layer's attention through an adapter: s3prl's (T, B, D), ours (B, T, D)."""
    found = forward(*args, **options)
    if isinstance(found, torch.Tensor):
        seen = args[1] if len(args) > 1 else options.get("seen")
        return adapter(found, None if seen is None else seen[:, 0, 0])
    padding = options.get("key_padding_mask")
    valid = None if padding is None else ~padding.bool()
    x = adapter(found[0].transpose(0, 1), valid).transpose(0, 1)
    return (x, *found[1:])


def _prompted(prompts, first, forward, x, **options):
    """A layer with prompts in front of its input, and without them behind its output.

    first: the attention of the upstream's first layer, which in WavLM has the position bias.
    """
    count = len(prompts.rows)
    if "seen" in options:
        seen = options["seen"]
        options["seen"] = None if seen is None else nn.functional.pad(seen, (count, 0), value=True)
        return forward(prompts(x, 1), **options)[0][:, count:], None
    padding = options.get("self_attn_padding_mask")
    if padding is not None:
        options["self_attn_padding_mask"] = nn.functional.pad(padding, (count, 0), value=False)
    given, time = options.get("pos_bias"), count + len(x)
    if getattr(first, "has_relative_attention_bias", False):
        bias = first.compute_bias(time, time).repeat(x.shape[1], 1, 1)
        options["pos_bias"] = bias
        given = bias[:, count:, count:] if given is None else given
    x, *others = forward(prompts(x, 0), **options)
    return (x[count:], others[0], given) if "pos_bias" in options else (x[count:], *others)


@torch.no_grad()
def fit_magnitudes(parts: Parts, tuned: nn.ModuleDict) -> None:
    """Make the magnitudes of DoRA those of the weights as they are now."""
    for index, by_name in tuned.items():
        for name, change in by_name.items():
            if isinstance(change, Dora):
                weight, _ = matrices_of(parts.layers[int(index)])[name].read()
                change.magnitude.copy_(change.norms(weight))


def penalty_of(tuned: nn.ModuleDict, finetune: dict[str, Any]) -> torch.Tensor | None:
    """What a method adds to the loss: the mean over matrices of the experts' penalty, weighed."""
    weight = tuning_settings(finetune).get("orthogonality", 0.0)
    experts = [m for m in tuned.modules() if isinstance(m, Experts)] if weight else []
    if not experts:
        return None
    return weight * torch.stack([module.penalty() for module in experts]).mean()


def require_merges(tuned: nn.ModuleDict, finetune: dict[str, Any], path: Any = "config") -> None:
    """Raise UserError for a method that no change of weights equals; path: of the config."""
    if not all(getattr(m, "merges", False) for by in tuned.values() for m in by.values()):
        raise UserError(
            f"{path}: 'finetune.method: {finetune['method']}' cannot be merged, since what it "
            "changes depends on the sound; wanted lora or dora"
        )


@torch.no_grad()
def merge_into(parts: Parts, tuned: nn.ModuleDict, finetune: dict[str, Any]) -> set[nn.Parameter]:
    """Put the changes of matrices into the layers' own weights; returns the weights changed.

    The layers still call the changes too: the model is to be built again. Raises UserError as
    `require_merges`.
    """
    require_merges(tuned, finetune)
    changed = set()
    for index, by_name in tuned.items():
        matrices = matrices_of(parts.layers[int(index)])
        for name, change in by_name.items():
            matrix = matrices[name]
            weight, _ = matrix.read()
            weight.copy_(change.merged(weight))
            changed.add(getattr(matrix.module, matrix.weight))
    return changed
