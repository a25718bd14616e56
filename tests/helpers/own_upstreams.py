"""Random weights of our own upstreams, in files of the form that their packages hold."""

import itertools
import struct

import numpy as np
import torch
from ssl_models import jolt
from torch import nn

from antispoof.ssl import distillmos_file, whisper_file
from antispoof.ssl.distillmos import CHANNELS, TABLE
from antispoof.torch_utils.checkpoint import save_checkpoint

KINDS = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}  # of CTranslate2


def fetched(folder):
    """What stands in for `fetch.weights_in_package`: files of random weights, kept in `folder`."""

    def weights_in_package(member):
        path = folder / member.sha256
        if not path.exists():
            MAKERS[member](path)
        return path

    return weights_in_package


class DistillMos(nn.Module):
    """Distill-MOS in PyTorch's own modules, under its package's names."""

    def __init__(self):
        super().__init__()
        steps = []
        for n, (before, after) in enumerate(itertools.pairwise(CHANNELS)):
            stride = (2 if n else 1, 2 if n == 5 else 1)
            steps += [nn.Conv2d(before, after, (3, 3), stride, (0, 1)), nn.LeakyReLU(0.1)]
        self.cnn = nn.ModuleDict({"cnn": nn.Sequential(*steps)})
        layer = nn.TransformerEncoderLayer(200, 8, 400, 0.0, batch_first=True)
        transformer = nn.ModuleDict({
            "norm": nn.BatchNorm1d(1024), "linear_proj": nn.Linear(1024, 200),
            "transformer_encoder": nn.TransformerEncoder(layer, 7, enable_nested_tensor=False),
        })  # fmt: skip
        positions = nn.Module()
        positions.register_buffer("pe", torch.randn(1, TABLE, 200))
        transformer["position_encoding"] = positions
        self.transformer_pool_attn = nn.ModuleDict(
            {"norm_input": nn.BatchNorm1d(1024), "transformer": transformer}
        )

    def forward(self, wave):
        """(S,) -> the input of the first layer and the output of each, (T, 200)."""
        wave = (wave / (wave.abs().max() + 1e-8)).numpy()
        wave = np.pad(wave, 80, mode="reflect")
        frames = np.stack([wave[at : at + 320] for at in range(0, len(wave) - 319, 160)])
        spectrum = np.fft.rfft(frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 320)))
        spectrum = spectrum / np.abs(spectrum).clip(1e-12) * np.abs(spectrum).clip(1e-12) ** 0.3
        image = torch.from_numpy(np.stack([spectrum.real.T, spectrum.imag.T])[None]).float()
        head = self.transformer_pool_attn
        x = head["norm_input"](self.cnn["cnn"](image).flatten(1, 2))
        x = head["transformer"]["linear_proj"](head["transformer"]["norm"](x).transpose(1, 2))
        states = [x + head["transformer"]["position_encoding"].pe[:, : x.shape[1]]]
        for layer in head["transformer"]["transformer_encoder"].layers:
            states.append(layer(states[-1]))
        return [state[0] for state in states]


def write_distillmos(path):
    """A random network, and `path` as the file of its weights."""
    torch.manual_seed(0)
    network = DistillMos().eval()
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        nn.init.normal_(norm.weight, 1, 0.2)
        nn.init.normal_(norm.bias)
    save_checkpoint(path, {"model": network.state_dict(), "step": 1})
    return network


def write_whisper(path):
    """A random encoder of transformers, and `path` as the file that CTranslate2 makes of it."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    torch.manual_seed(0)
    encoder = jolt(WhisperEncoder(WhisperConfig(
        d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536,
    )))  # fmt: skip
    for parameter in encoder.parameters():
        parameter.data = parameter.data.half().float()
    for layer in encoder.layers:  # the published ones have no such bias, and the file has zeros
        assert layer.self_attn.k_proj.bias is None
    write_ctranslate2(path, whisper_arrays(encoder))
    return encoder


def whisper_arrays(encoder):
    """{CTranslate2's name: array} of an encoder of transformers, and an array of the decoder."""
    found = {"num_heads": np.array(6, np.int16)}
    found["position_encodings/encodings"] = encoder.embed_positions.weight
    _put(found, "conv1", encoder.conv1)
    _put(found, "conv2", encoder.conv2)
    _put_norm(found, "layer_norm", encoder.layer_norm)
    for n, layer in enumerate(encoder.layers):
        own, attention = f"layer_{n}", layer.self_attn
        three = [attention.q_proj, attention.k_proj, attention.v_proj]
        joined = nn.Linear(384, 1152)
        joined.weight.data = torch.cat([part.weight for part in three])
        none = torch.zeros(384)
        joined.bias.data = torch.cat([none if p.bias is None else p.bias for p in three])
        _put(found, f"{own}/self_attention/linear_0", joined)
        _put(found, f"{own}/self_attention/linear_1", attention.out_proj)
        _put_norm(found, f"{own}/self_attention/layer_norm", layer.self_attn_layer_norm)
        _put(found, f"{own}/ffn/linear_0", layer.fc1)
        _put(found, f"{own}/ffn/linear_1", layer.fc2)
        _put_norm(found, f"{own}/ffn/layer_norm", layer.final_layer_norm)
    halves = {
        f"encoder/{name}": value.detach().half().numpy() if torch.is_tensor(value) else value
        for name, value in found.items()
    }
    return {"decoder/embeddings/weight": np.ones((4, 8), np.float16), **halves}


def _put(found, name, module):
    found[f"{name}/weight"], found[f"{name}/bias"] = module.weight, module.bias


def _put_norm(found, name, module):
    found[f"{name}/gamma"], found[f"{name}/beta"] = module.weight, module.bias


def write_ctranslate2(path, arrays, specification="WhisperSpec", version=6):
    """`arrays` in the binary form of CTranslate2, with one alias."""
    parts = [struct.pack("<I", version), _text(specification), struct.pack("<II", 3, len(arrays))]
    for name, array in arrays.items():
        axes = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        kind = struct.pack("<BI", KINDS[array.dtype.name], array.nbytes)
        parts += [_text(name), axes, kind, array.tobytes()]
    alias = [_text("decoder/projection/weight"), _text("decoder/embeddings/weight")]
    path.write_bytes(b"".join([*parts, struct.pack("<I", 1), *alias]))


def _text(text):
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


MAKERS = {distillmos_file.WEIGHTS: write_distillmos, whisper_file.WEIGHTS: write_whisper}
