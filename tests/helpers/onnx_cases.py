"""Small models of every config, with random weights, and what ONNX Runtime makes of them."""

import os

import numpy as np
import onnxruntime
import torch
from made_up import ROOT
from model_cases import batch
from torch.nn.modules.batchnorm import _BatchNorm

from antispoof.export.graph import batched, model_of
from antispoof.export.pieces import Scorer, trace
from antispoof.scoring.build import build_back_end
from antispoof.training.experiment import load_experiment

CONFIGS = sorted([*ROOT.glob("conf/train_*.yaml"), *ROOT.glob("egs/mini/conf/train_*.yaml")])
SIX = {"widths": [4, 4, 6, 6, 6, 6]}
# sizes that change no operation
SMALL = {
    "aasist": {**SIX, "nodes": [6, 8]},
    "aasist_l": {**SIX, "nodes": [6, 8]},
    "ca_mhfa": {"layers": 3, "dim": 20, "compression": 8, "embedding": 16},
    "gmlp_frames": {"layers": 3, "dim": 32, "scales": 4, "blocks": 2, "table": 300},
    "lfcc_lcnn": {},
    "mean_pool": {"layers": 3, "dim": 20},
    "mel_cnn": {"widths": [4, 4, 8, 8]},
    "mel_frames": {"widths": [8, 8, 16, 16], "hidden": 32},
    "mel_multiscale": {"widths": [6, 6, 6], "bottleneck": 4},
    "mel_vit": {"dim": 16, "depth": 2, "heads": 4},
    "mhfa": {"layers": 3, "dim": 20, "heads": 4, "compression": 8, "embedding": 16},
    "nes2net_x": {"dim": 64, "splits": 4, "scale": 4},
    "rawnet2": {"filters": 4, "taps": 65, "widths": [4, 4, 8, 8, 8, 8], "nodes": 8},
    "sls": {"layers": 3, "dim": 20, "frames": 30, "hidden": 16},
    "spaarsist": {"dim": 20, "embedding": 16},
    "spaarsist_lite": {"dim": 20, "embedding": 16},
    "ssl_aasist": {"dim": 20, "embedding": 16},
    "wavlm_cnn": {"widths": [4, 4, 8, 8], "dim": 40},
    "linear": {"dim": 20},
    "xlsr_conformer": {"dim": 20, "width": 8, "heads": 2, "depth": 2},
    "xlsr_conformer_tcm": {"dim": 20, "width": 8, "heads": 2, "depth": 2},
    "xlsr_mamba": {"dim": 20, "width": 8, "depth": 2},
    "fake_mamba": {"dim": 20, "width": 8, "depth": 2},
    "bicross_mamba": {"dim": 20, "depth": 1},
    "aasist3": {"dim": 20, "frames": 30},
}


def resolved(path):
    """The config of an experiment, as its recipe reads it."""
    here = os.getcwd()
    os.chdir(path.parents[1])
    try:
        return load_experiment(path, 1)
    finally:
        os.chdir(here)


def uneven(model):
    """`model` with random weights, and statistics of batch norms that are not 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim < 2:  # a matrix is random as it is made, and norms and biases are not
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def small(config):
    """(model, how an input of a length is made, lengths) of a small back end of a config."""
    conf = {**config["model_conf"], **SMALL[config["model"]]}
    torch.manual_seed(0)
    model = uneven(build_back_end(config, conf))
    generator = torch.Generator().manual_seed(2)
    if model.reads == "waveform":
        return model, lambda n: humming(n, generator), (6000, 4100, 9001, 6543)
    layers = getattr(model, "layers", 1)
    dim = conf.get("dim", 80)
    fixed = type(model).takes_one_length(conf)
    lengths = (30, 31, 32, 30) if fixed else (40, 33, 71, 58)
    return model, lambda n: torch.randn(layers, n, dim, generator=generator), lengths


def opened(model):
    """{name: array} of x and lengths, by a model of ONNX."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]

    def run(x, lengths):
        given = {"x": np.asarray(x, np.float32), "lengths": np.asarray(lengths, np.int64)}
        return dict(zip(names, session.run(None, given), strict=True))

    return run


def humming(samples, generator):
    """Noise with a tone, of which the length decides."""
    tone = torch.sin(torch.arange(samples) * (0.02 + samples % 7 * 0.2))
    return 0.05 * torch.randn(samples, generator=generator) + 0.2 * (samples % 3) * tone


def key_of(config):
    """Configs of the same key are of the same small model."""
    conf = {**config["model_conf"], **SMALL[config["model"]]}
    in_use = sorted((k, v) for k, v in conf.items() if "dropout" not in k and k != "k_train")
    return config["model"], repr(in_use), config["loss"] == "am_softmax"


def compare(config):
    """(scores of PyTorch one by one, of ONNX Runtime one by one, of it as a padded batch)."""
    key = key_of(config)
    if key not in FOUND:
        FOUND[key] = _found(config)
    return FOUND[key]


FOUND = {}  # many configs differ in their training alone


@torch.no_grad()
def _found(config):
    model, make, lengths = small(config)
    items = [make(length) for length in lengths]
    axis = 1 if items[0].ndim == 1 else 2
    shape = ["batch", *items[0].shape]
    shape[axis] = "length"
    run = opened(model_of(batched([[trace(Scorer(model), items[0][None], axis)]], shape), {}))
    expected, alone = [], []
    for item in items[1:]:
        logits = model(item[None], torch.tensor([item.shape[axis - 1]]))
        expected.append(float(logits[0, 1] - logits[0, 0]))
    padded, counts = batch(items[1:], 7)
    together = run(padded, counts)["scores"][:, 0]
    for item in items[1:]:
        alone.append(run(item[None], [item.shape[axis - 1]])["scores"][0, 0])
    return np.array(expected), np.array(alone), together
