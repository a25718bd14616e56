"""What the graph back ends are before they learn: defaults, dropout, initial numbers, names."""

import inspect

import pytest
import torch
from torch import nn

from antispoof import models
from antispoof.errors import UserError
from antispoof.layers.graph import Branch, GraphAttention, GraphReadout, StackingAttention
from antispoof.losses.cosine import CosineOutput
from antispoof.models import MODELS, build_model

GRAPH = {"temperatures": (2.0, 2.0, 100.0, 100.0), "dropouts": (0.2, 0.5)}
SPARSE = {"dim": 1024, "embedding": 1024, "classifier": "ff", "k_train": 0.5, "k_infer": 0.5}
ATTENDS = {"aggregation": "attention"}
DEFAULTS = {
    "aasist": {"widths": (32, 32, 64, 64, 64, 64), "nodes": (64, 32), "ks": (0.5, 0.7, 0.5)},
    "aasist_l": {"widths": (32, 32, 24, 24, 24, 24), "nodes": (24, 32), "ks": (0.4, 0.5, 0.7)},
    "ssl_aasist": {
        **{"dim": 1024, "embedding": 0, "classifier": "linear", "k": 0.5, "scorer": "learned"},
        **ATTENDS,
    },
    "spaarsist": {**SPARSE, **ATTENDS, "scorer": "learned"},
    "spaarsist_lite": {
        **SPARSE,
        **ATTENDS,
        **{"scorer": "magnitude", "separable": True, "time_pool": 2, "attention_width": 32},
    },
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_those_of_the_publication(name):
    found = {n: p.default for n, p in inspect.signature(MODELS[name]).parameters.items()}
    assert found == {**GRAPH, **DEFAULTS[name]}


WIDE = {"filters": 20, "taps": 1025, "widths": (20, 20, 128, 128, 128, 128)}
OTHERS = {
    "rawnet2": {**WIDE, "nodes": 1024, "recurrent": 3},
    "wavlm_aasist": {"dim": 1024, "size": 256, "widths": (16, 32, 64, 128), "dropout": 0.3},
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_defaults_of_the_models_without_a_graph_of_their_own(name):
    found = {n: p.default for n, p in inspect.signature(MODELS[name]).parameters.items()}
    assert found == OTHERS[name]


def rates(model):
    """Of each dropout, by name."""
    return {n: m.p for n, m in model.named_modules() if isinstance(m, nn.Dropout)}


def published(prefix="", branch=0.2, output=0.5):
    """0.2 before a graph attention and 0.3 before a scorer, in every publication."""
    graph = {
        f"graph.{kind}.dropout": rate
        for kind, rate in (
            *((name, 0.2) for name in ("spectral", "temporal")),
            *((f"pool_{name}", 0.3) for name in ("spectral", "temporal")),
        )
    }
    for number in (0, 1):
        name = f"graph.branches.{number}"
        graph |= {f"{name}.{layer}.dropout": 0.2 for layer in ("first", "second")}
        graph |= {f"{name}.pool_{kind}.dropout": 0.3 for kind in ("spectral", "temporal")}
        graph[f"{name}.dropout"] = branch
    return {f"{prefix}{name}": rate for name, rate in {**graph, "graph.dropout": output}.items()}


@pytest.mark.parametrize("name", DEFAULTS)
def test_dropout_is_of_the_published_rates(name):
    small = {} if name.startswith("aasist") else {"dim": 8, "classifier": "linear"}
    assert rates(build_model(name, **small)) == published()
    other = build_model(name, **small, dropouts=(0.1, 0.7))
    assert rates(other) == published(branch=0.1, output=0.7)


def test_dropout_of_the_three_streams():
    model = build_model("wavlm_aasist", dim=8, size=4, dropout=0.25)
    assert rates(model) == {**published("mel_stream."), "fusion.2": 0.25}
    assert rates(build_model("rawnet2", nodes=4)) == {}


def deviation_is(tensor, wanted):
    """Of some thousand numbers: the estimate is off by less than a fifth."""
    tensor = tensor.detach()
    assert tensor.numel() > 900
    assert abs(float(tensor.mean())) < 0.2 * wanted
    assert abs(float(tensor.std()) / wanted - 1) < 0.2


def test_positions_and_stack_nodes_begin_as_unit_normal_numbers():
    torch.manual_seed(0)
    deviation_is(GraphReadout(42, 64, 2, [(0.5, 0.5)] * 3).position, 1.0)
    branch = Branch(1024, 2, (1.0, 1.0), (0.5, 0.5), "learned", "attention", 0.2)
    deviation_is(branch.master, 1.0)
    deviation_is(CosineOutput(1024, 2, 2, 3.0).directions, 1.0)


def test_vectors_that_score_begin_as_glorot_and_bengio_say():
    torch.manual_seed(0)
    deviation = (2 / (1500 + 1)) ** 0.5
    layer = StackingAttention(2, 1500, 1.0)
    vectors = [layer.score11, layer.score22, layer.score12, layer.score_master]
    vectors.append(GraphAttention(2, 1500, 1.0).score)
    for vector in vectors:
        deviation_is(vector, deviation)


def test_each_name_makes_its_class_with_the_given_arguments():
    classes = {
        **{"gmlp_frames": "GMLPFrames", "mel_frames": "MelFrames"},
        **{"aasist": "Aasist", "aasist_l": "AasistL", "ca_mhfa": "CAMHFA", "mhfa": "MHFA"},
        **{"lfcc_lcnn": "LFCCLCNN", "mean_pool": "MeanPool", "mel_cnn": "MelCNN"},
        **{"mel_multiscale": "MelMultiScale", "mel_vit": "MelViT", "nes2net": "Nes2Net"},
        **{"nes2net_x": "Nes2NetX", "rawnet2": "RawNet2", "sls": "SLS", "spaarsist": "Spaarsist"},
        **{"spaarsist_lite": "SpaarsistLite", "ssl_aasist": "SslAasist"},
        **{"wavlm_aasist": "WavLMAasist", "wavlm_cnn": "WavLMCNN"},
        "linear": "Linear",
        "xlsr_conformer": "XlsrConformer",
        "xlsr_conformer_tcm": "XlsrConformerTcm",
        "xlsr_mamba": "XlsrMamba",
        "fake_mamba": "FakeMamba",
        "bicross_mamba": "BiCrossMamba",
        "aasist3": "Aasist3",
    }
    assert {name: model.__name__ for name, model in MODELS.items()} == classes
    assert type(build_model("ssl_aasist", dim=6)) is models.SslAasist
    assert build_model("ssl_aasist", dim=6).project.in_features == 6


def test_an_argument_of_a_wrong_type_is_one_line():
    with pytest.raises(UserError, match="model_conf of 'ssl_aasist': .*str"):
        build_model("ssl_aasist", dim="wide")


@pytest.mark.parametrize("temperatures", [(1, 2, 3), (1, 2, 3, 4, 5), (1, 0, 1, 1), (1, 1, 1, -2)])
def test_a_readout_wants_four_temperatures_above_zero(temperatures):
    with pytest.raises(UserError, match="model_conf.temperatures is .*, wanted four > 0"):
        GraphReadout(3, 2, 2, [(0.5, 0.5)] * 3, temperatures)
    GraphReadout(3, 2, 2, [(0.5, 0.5)] * 3, (1, 0.1, 1, 1))
