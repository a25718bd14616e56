"""A detector as a model of ONNX: a fusion, or a system; or the back end of a system alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto

from .. import SAMPLE_RATE, __version__
from ..errors import UserError
from ..evaluation.fusion import Fusion
from ..evaluation.layout import calibration_path, is_fusion
from ..scoring.inputs import next_ten
from ..ssl.finetuned import FineTuned
from ..systems.system import Mapped, System, open_detector
from .graph import Chain, Crop, Nodes, add_outputs, batched, model_of
from .pieces import Features, FineTunedScorer, Scorer, trace
from .quantise import to_int8

POLICIES = ("first", "centre", "full")
DIRECTION = "higher = more bona fide"


def export_detector(
    exp_dir: str | Path, features: bool = False, int8: bool = False
) -> onnx.ModelProto:
    """The experiment `exp_dir` on the CPU: waveforms (B, S) at 16 kHz -> score or LLR (B,).

    features: its back end alone, which reads features (B, L, T, D), uncropped. int8: with weights
    of eight bits. Raises UserError for what cannot be exported.
    """
    if features and is_fusion(exp_dir):
        raise UserError(f"{exp_dir}: found a fusion, wanted one system with --features")
    opened = _open(exp_dir)
    if features:
        alone, shape = _back_end(exp_dir, opened, int8)
        return _finish(exp_dir, opened, alone, shape, int8)
    chains: list[Chain] = []
    for system in _systems(opened):
        chain = chain_of(system)
        chains.append([part if isinstance(part, Crop) else _small(part, int8) for part in chain])
    return _finish(exp_dir, opened, chains, ["batch", "samples"], int8)


def _open(exp_dir):
    """A Mapped, or a System without its calibration."""
    if is_fusion(exp_dir) or calibration_path(exp_dir).is_file():
        return open_detector(exp_dir, torch.device("cpu"))
    return System(exp_dir, torch.device("cpu"))


def _systems(opened):
    if isinstance(opened, System):
        return [opened]
    return [system for part in opened.systems for system in _systems(part)]


def _small(piece, int8):
    return to_int8(piece) if int8 else piece


def chain_of(system: System) -> Chain:
    """From a waveform to the score of a system. Raises UserError."""
    config, model = system.config, system.model
    wave = 0.1 * torch.randn(1, round(system.seconds * SAMPLE_RATE))
    if system.upstream is None:
        module = FineTunedScorer(model) if isinstance(model, FineTuned) else Scorer(model)
        return [_crop(config["crop"], wave.shape[1], 1), trace(module, wave, 1)]
    upstream = system.upstream
    window = upstream.config["window"]
    module = Features(upstream.model, upstream.config, config["layers"])
    with torch.no_grad():
        x = module.eval()(wave)
    length = max(1, round(system.seconds * next_ten(upstream.frame_rate)))
    cut = {"test": window["policy"], "pad": window["pad"]}
    return [
        _crop(cut, window["samples"], 1),
        trace(module, wave, 1),
        _crop(config["crop"], length, 2),
        trace(Scorer(model), x, 2),
    ]


def _crop(conf, length, axis):
    if conf["test"] not in POLICIES:
        raise UserError(
            f"config: found crop.test '{conf['test']}', which ONNX has no form of, wanted "
            f"{', '.join(POLICIES)}; export the back end alone with --features"
        )
    return Crop(length, conf["test"], conf["pad"], axis)


def _back_end(exp_dir, opened, int8):
    """(chains, shape of the input) of the back end of one system."""
    (system,) = _systems(opened)
    model: Any = system.model
    back_end = model.back_end if isinstance(model, FineTuned) else model
    if back_end.reads != "features":
        raise UserError(
            f"{exp_dir}: its model reads the waveform, and has no features; export it without "
            "--features"
        )
    x = example_features(system)
    layers, dim = x.shape[1], x.shape[3]
    return [[_small(trace(Scorer(back_end), x, 2), int8)]], ["batch", layers, "frames", dim]


def example_features(system: System) -> torch.Tensor:
    """Random features (1, L, T, D) of a shape that the back end of a system reads."""
    samples, layers = round(system.seconds * SAMPLE_RATE), system.config["layers"]
    if isinstance(system.model, FineTuned):
        front = system.model.front_end
        return torch.randn(1, len(layers), front.parts.frame_count(samples), front.dim)
    assert system.upstream is not None
    (found,) = system.upstream([np.zeros(samples, np.float32)], ["silence"])
    frames, dim = found[layers[0]].shape
    return torch.randn(1, len(layers), frames, dim)


def _finish(exp_dir, opened, chains, shape, int8):
    """The whole model: the scores of the chains, and the LLR that is made of them."""
    graph, nodes, outputs = batched(chains, shape), Nodes("llr_"), []
    if len(chains) == 1:
        _squeeze(nodes, "scores", "score")
        outputs.append("score")
    if isinstance(opened, Mapped):
        wide = nodes.add("Cast", "scores", to=TensorProto.DOUBLE)
        llr = _map(nodes, wide, opened, iter(range(len(chains))))
        _squeeze(nodes, nodes.add("Cast", llr, to=TensorProto.FLOAT), "llr")
        outputs.append("llr")
    add_outputs(graph, outputs, nodes)
    crops = [system.config["crop"] for system in _systems(opened)]
    metadata = {
        "name": Path(exp_dir).resolve().name,
        "reads": "waveform" if len(shape) == 2 else "features",
        "sample_rate": str(SAMPLE_RATE),
        "direction": DIRECTION,
        "crop": json.dumps([{key: c[key] for key in ("test", "seconds", "pad")} for c in crops]),
        "weights": "int8" if int8 else "float32",
        "made_by": f"antispoof {__version__}",
    }
    if isinstance(opened, Mapped):
        metadata["calibration"] = json.dumps(_record(opened))
    return model_of(graph, metadata)


def _squeeze(nodes, x, name):
    """A column (B, 1) as the vector `name`."""
    found = nodes.add("Squeeze", x, nodes.whole(1))
    nodes.nodes[-1].output[0] = name
    return found


def _map(nodes, scores, mapped, numbers):
    """The LLRs (B, 1) of a map: weights times its columns of `scores`, and the offset."""
    mapping, columns = mapped.mapping, []
    if mapping.rule == "rank":
        raise UserError(
            f"fusion of {', '.join(mapping.systems)}: found the rule 'rank', which ONNX has no "
            "form of, wanted 'logistic' or 'mean'; fuse again, or export its systems"
        )
    for system in mapped.systems:
        if isinstance(system, Mapped):
            columns.append(_map(nodes, scores, system, numbers))
        else:
            columns.append(nodes.add("Gather", scores, nodes.whole(next(numbers)), axis=1))
    weights = nodes.constant(np.array(mapping.weights, np.float64)[:, None])
    llr = nodes.add("MatMul", nodes.add("Concat", *columns, axis=1), weights)
    return nodes.add("Add", llr, nodes.constant(np.array([mapping.offset], np.float64)))


def _record(mapped):
    """What maps scores to LLRs, for the metadata."""
    mapping: Fusion = mapped.mapping
    return {
        "systems": list(mapping.systems),
        "weights": list(mapping.weights),
        "offset": mapping.offset,
        "rule": mapping.rule,
        "unit": "natural log",
        "dev_set": mapping.dev_set,
    }
