"""Weights that others published, as experiments of ours that score.

| layout | programs | how it is known |
|---|---|---|
| aasist, aasist_l | clovaai/aasist | `pos_S` of width 64 or 24, no front end |
| ssl_aasist | SSL_Anti-spoofing | `LL.weight` and a fairseq front end, `ssl_model.model.` |
| sls | SLSforASVspoof-2021-DF | `fc0.weight` and the same front end |
| see layouts.py | TCM, XLSR-Mamba, Nes2Net and XLSR-Conformer | with the same front end |
| linear | AntiDeepfake, see antideepfake.py | `proj_fc.weight` and `m_ssl.model.` |

All but the last read the first 64,600 or 66,800 samples and repeat what is shorter. All give
(spoof, bona fide).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..config import EXPERIMENT
from ..errors import UserError
from ..ssl.finetuned import FineTuned
from ..ssl.pickles import read_pickled
from ..torch_utils.tensors import SUFFIX, load_tensors
from . import antideepfake, layouts
from .build import build_system

UPSTREAMS = {  # with their conventions
    "ssl_aasist": "xls_r_300m_aasist",
    "sls": "xls_r_300m",
    **dict.fromkeys(layouts.NAMES, "xls_r_300m_aasist"),
}
FRONT_END = "ssl_model.model."
SHOWN = 8  # names in a message

_GRAPH = (
    (r"\.proj_type(\d)\.", r".type\1."),
    (r"\.att_proj\.", ".pair."),
    (r"\.att_projM\.", ".pair_master."),
    (r"\.att_weightM$", ".score_master"),
    (r"\.att_weight(\d*)$", r".score\1"),
    (r"\.proj_with_att\.", ".attended."),
    (r"\.proj_with_attM\.", ".attended_master."),
    (r"\.proj_without_att\.", ".own."),
    (r"\.proj_without_attM\.", ".own_master."),
    (r"(GAT_layer_\w+)\.bn\.", r"\1.norm."),
    (r"^(pool_\w+)\.proj\.", r"\1.scorer."),
    (r"^pos_S$", "graph.position"),
    (r"^master1$", "graph.branches.0.master"),
    (r"^master2$", "graph.branches.1.master"),
    (r"^GAT_layer_S\.", "graph.spectral."),
    (r"^GAT_layer_T\.", "graph.temporal."),
    (r"^pool_S\.", "graph.pool_spectral."),
    (r"^pool_T\.", "graph.pool_temporal."),
    (r"^HtrgGAT_layer_ST1", "graph.branches.0."),
    (r"^HtrgGAT_layer_ST2", "graph.branches.1."),
    (r"^pool_hS1\.", "graph.branches.0.pool_spectral."),
    (r"^pool_hT1\.", "graph.branches.0.pool_temporal."),
    (r"^pool_hS2\.", "graph.branches.1.pool_spectral."),
    (r"^pool_hT2\.", "graph.branches.1.pool_temporal."),
    (r"^(graph\.branches\.\d\.)1\.", r"\1first."),
    (r"^(graph\.branches\.\d\.)2\.", r"\1second."),
    (r"^encoder\.(\d)\.0\.", r"encoder.\1."),
    (r"^(encoder\.\d)\.bn1\.", r"\1.unused."),
    (r"^(encoder\.\d)\.bn2\.", r"\1.norm."),
    (r"^(encoder\.\d)\.conv_downsample\.", r"\1.shortcut."),
    (r"^out_layer\.", "out."),
)
_NAMES = {  # layout: (their name, ours), applied one after another
    "aasist": (*_GRAPH, (r"^first_bn\.", "norm.")),
    "ssl_aasist": (
        *_GRAPH,
        (r"^LL\.", "project."),
        (r"^first_bn\.", "norm_in."),
        (r"^first_bn1\.", "norm_out."),
        (r"^attention\.0\.", "attention.wide."),
        (r"^attention\.2\.", "attention.norm."),
        (r"^attention\.3\.", "attention.narrow."),
    ),
    "sls": (
        (r"^first_bn\.", "norm."),
        (r"^fc0\.", "gate."),
        (r"^fc1\.", "hidden."),
        (r"^fc3\.", "output."),
    ),
}
_NAMES["aasist_l"] = _NAMES["aasist"]
_NAMES |= layouts.NAMES


def import_published(
    path: str | Path, upstream: str = "", exp_dir: str | Path = ""
) -> tuple[dict[str, Any], torch.nn.Module]:
    """(config, model) of the published weights in `path`.

    exp_dir: where the front end of AntiDeepfake is written, and what it was trained on.

    config: of an experiment, as `antispoof.training.experiment.claim` takes it. upstream: of
    conf/upstream/, for a layout with a front end, in place of that of UPSTREAMS; its own weights
    must be at hand, and are then replaced by those in `path`. Raises UserError for a file of none
    of the layouts, and for weights that are missing, unknown or misshapen.
    """
    state = read_weights(path)
    layout = layout_of(state, path)
    if layout == antideepfake.LAYOUT:
        return antideepfake.take(state, path, upstream, exp_dir)
    config = config_of(layout, state, upstream)
    with layouts.only_misfits(path, layout):
        if layout in layouts.NAMES:
            config["model_conf"] = layouts.arguments_of(layout, state)
            state = layouts.prepared(layout, state, path)
        model = build_system(config, state, path)
    weights, wanted = {our_name(name, layout): t for name, t in state.items()}, _wanted(model)
    if layout in layouts.NAMES:
        for name in wanted.keys() & weights.keys():
            weights[name] = layouts.same_shape(weights[name], wanted[name])
    _require_same(weights, wanted, f"{path}: as weights of '{layout}'")
    if isinstance(model, FineTuned):
        weights["front_end._extra_state"] = model.front_end.get_extra_state()
    model.load_state_dict(weights)
    return config, model


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """{name: tensor} in the file `path`, without the `module.` of DataParallel."""
    state = load_tensors(path) if Path(path).suffix == SUFFIX else read_pickled(path)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise UserError(f"{path}: wanted a state dict, names and tensors alone")
    for name, tensor in state.items():
        if tensor.is_sparse or tensor.is_complex() or not torch.isfinite(tensor).all():
            raise UserError(f"{path}: '{name}' is not of finite real numbers, wanted weights")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def layout_of(state: Mapping[str, torch.Tensor], path: str | Path) -> str:
    """The layout, a name in MODELS, of published weights. Raises UserError."""
    front_end = any(name.startswith(FRONT_END) for name in state)
    if antideepfake.is_one(state):
        return antideepfake.LAYOUT
    if front_end and (known := layouts.layout_of(state)):
        return known
    if front_end and "fc0.weight" in state:
        return "sls"
    if front_end and "LL.weight" in state:
        return "ssl_aasist"
    if not front_end and "pos_S" in state and state["pos_S"].ndim:
        return "aasist_l" if state["pos_S"].shape[-1] == 24 else "aasist"
    raise UserError(
        f"{path}: holds {_listed(state) or 'nothing'}; wanted the weights of AASIST, AASIST-L, "
        "SSL_Anti-spoofing, SLS, XLSR-Conformer, TCM, XLSR-Mamba, Nes2Net or AntiDeepfake"
    )


def config_of(layout: str, state: Iterable[str], upstream: str = "") -> dict[str, Any]:
    """The resolved config of an experiment with these weights."""
    config = {
        **EXPERIMENT,
        "feats": "wave",
        "model": layout,
        "crop": {"train": "random", "test": "first", "seconds": 64600 / 16000, "pad": "tile"},
        "batch_size": 8,
        "seed": 0,
    }
    if layout not in UPSTREAMS:
        return config
    found = (re.match(re.escape(FRONT_END) + r"encoder\.layers\.(\d+)\.", name) for name in state)
    depth = len({match[1] for match in found if match})
    crop = {**config["crop"], "seconds": layouts.SAMPLES.get(layout, 64600) / 16000}
    return {
        **config,
        "crop": crop,
        "feats": "ssl",
        "upstream": upstream or UPSTREAMS[layout],
        "layers": list(range(1, depth + 1)) if layout == "sls" else [depth],
        "finetune": {**EXPERIMENT["finetune"], "layers": "all"},
    }


def our_name(name: str, layout: str) -> str:
    """Our name of the published weight `name`, which keeps what no rule knows."""
    if layout in UPSTREAMS and name.startswith(FRONT_END):
        return "front_end.upstream.model." + name.removeprefix(FRONT_END)
    for theirs, ours in _NAMES[layout]:
        name = re.sub(theirs, ours, name)
    return f"back_end.{name}" if layout in UPSTREAMS else name


def _wanted(model):
    """{name: tensor} of all that a model computes with, its front end included."""
    if not isinstance(model, FineTuned):
        return model.state_dict()
    front_end = {f"front_end.{name}": p for name, p in model.front_end.named_parameters()}
    back_end = {f"back_end.{name}": t for name, t in model.back_end.state_dict().items()}
    return {**front_end, **back_end}


def _require_same(found, wanted, what):
    """Raise UserError unless both hold the same names, of the same shapes."""
    shapes = [
        f"{name} {tuple(found[name].shape)}, wanted {tuple(wanted[name].shape)}"
        for name in found.keys() & wanted.keys()
        if found[name].shape != wanted[name].shape
    ]
    lists = {
        "missing": wanted.keys() - found.keys(),
        "unknown": found.keys() - wanted.keys(),
        "misshapen": shapes,
    }
    wrong = [f"{word}: {_listed(names)}" for word, names in lists.items() if names]
    if wrong:
        raise UserError(f"{what}: {'; '.join(wrong)}")


def _listed(names):
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
