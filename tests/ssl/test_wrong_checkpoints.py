"""Checkpoints of upstreams of every wrong kind are refused in one line, in our own words."""

import argparse
import json
import os
import shutil

import pytest
import torch
from ssl_models import hugging_face

from antispoof.errors import UserError
from antispoof.ssl import convert, load_local

T = torch.zeros(2)
W2V2 = {"_name": "wav2vec2"}
FAIRSEQ = {
    "a list": [1],
    "a tensor": T,
    "a number for cfg": {"cfg": 3, "model": {"w": T}},
    "an empty cfg": {"cfg": {}, "model": {"w": T}},
    "a task in words": {"cfg": {"model": W2V2, "task": "x"}, "model": {"w": T}},
    "no weights": {"cfg": {"model": W2V2, "task": {}}, "model": {}},
    "weights in words": {"cfg": {"model": W2V2}, "model": {"w": "x"}},
    "numbers for names": {"cfg": {"model": W2V2}, "model": {1: T}},
    "layers in words": {"cfg": {"model": {**W2V2, "encoder_layers": "x"}}, "model": {"w": T}},
    "no heads": {"cfg": {"model": {**W2V2, "encoder_attention_heads": 0}}, "model": {"w": T}},
    "dictionaries that are a number": {
        "cfg": {"model": {"_name": "hubert"}},
        "model": {"w": T},
        "task_state": {"dictionaries": 3},
    },
    "embeddings without a length": {
        "args": argparse.Namespace(arch="hubert"),
        "model": {"label_embs_concat": torch.tensor(1.0)},
    },
    "a head that is not there": {
        "cfg": {"model": {"_name": "hubert", "untie_final_proj": True}},
        "model": {"w": T},
    },
}
OURS = {
    "names of two types": {1: 2, "cfg": {}},
    "a model in words": {"cfg": {"encoder_layers": 2}, "model": {"w": "x"}},
    "layers in words": {"cfg": {"encoder_layers": "x"}, "model": {"w": T}},
    "no heads": {"cfg": {"encoder_layers": 1, "encoder_attention_heads": 0}, "model": {"w": T}},
    "empty dicts": {"task_cfg": {}, "model_cfg": {}, "model_weight": {}},
    "no dictionaries": {
        "task_cfg": {},
        "model_cfg": {},
        "model_weight": {},
        "dictionaries_symbols": 3,
    },
}


def said_of(read, path):
    with pytest.raises(UserError) as said:
        read(path)
    (line,) = str(said.value).splitlines()
    assert line.startswith(str(path.parent))
    assert "weights_only" not in line
    assert "\x1b" not in line
    return line


@pytest.mark.parametrize("kind", FAIRSEQ)
def test_a_fairseq_file_of_another_structure_is_refused(tmp_path, kind):
    torch.save(FAIRSEQ[kind], tmp_path / "in.pt")
    said_of(convert, tmp_path / "in.pt")


@pytest.mark.parametrize("kind", OURS)
def test_a_file_of_another_structure_is_no_upstream(tmp_path, kind):
    torch.save(OURS[kind], tmp_path / "in.pt")
    said_of(load_local, tmp_path / "in.pt")


HUGE = {  # far more than the weights: the text of layers, or a width
    "wav2vec2_large": ("model_cfg", "encoder_ffn_embed_dim", 10**8),
    "hubert_base": ("model_cfg", "encoder_layers", 10**9),
    "wavlm_base": ("cfg", "encoder_ffn_embed_dim", 10**8),
    "data2vec": ("model_cfg", "conv_feature_layers", "[(10000000, 10, 5)]"),
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_config_far_larger_than_its_weights_is_not_built(tmp_path, kind):
    hugging_face(kind, tmp_path / "hf")
    checkpoint, _ = convert(tmp_path / "hf")
    block, key, value = HUGE[kind]
    checkpoint[block][key] = value
    torch.save(checkpoint, tmp_path / "in.pt")
    assert "asks for far more numbers than the " in said_of(load_local, tmp_path / "in.pt")


class Runs:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("read", [convert, load_local])
def test_a_refusal_is_in_our_own_words(tmp_path, read):
    torch.save({"cfg": Runs(), "model": {}}, tmp_path / "in.pt")
    assert "names posix.system, which no checkpoint needs" in said_of(read, tmp_path / "in.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    hugging_face("wav2vec2_large", tmp_path_factory.mktemp("hf") / "whole")
    return tmp_path_factory.getbasetemp() / "hf0/whole"


CONFIGS = {
    "no layers": {"num_hidden_layers": None},
    "convolutions that are a number": {"conv_dim": 3},
    "one stride fewer": {"conv_stride": [5]},
    "no convolutions": {"conv_dim": [], "conv_kernel": [], "conv_stride": []},
    "a dropout in words": {"hidden_dropout": "little"},
    "a model_type that is a list": {"model_type": ["wav2vec2"]},
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_folder_with_another_config_is_refused(tmp_path, folder, kind):
    shutil.copytree(folder, tmp_path / "hf")
    path = tmp_path / "hf/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **CONFIGS[kind]}))
    said_of(convert, tmp_path / "hf")
    settings = json.loads(path.read_text())
    del settings["hidden_size"]
    path.write_text(json.dumps(settings))
    said_of(convert, tmp_path / "hf")


def test_a_bit_of_a_zip_that_flips_never_gives_a_traceback(tmp_path):
    path = tmp_path / "in.pt"
    torch.save({"cfg": {"model": W2V2}, "model": {"w": T}}, path)
    data = path.read_bytes()
    for at in range(0, len(data), 149):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        for read in (convert, load_local):
            said_of(read, path)
