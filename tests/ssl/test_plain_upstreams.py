"""Frozen upstreams against transformers' own models, by every convention that a config can name."""

import math

import numpy as np
import pytest
import torch
from ssl_models import hugging_face, sounds

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import convert, save
from antispoof.ssl import upstream as upstreams
from antispoof.ssl.conventions import frame_count, is_transformer, match_frames
from antispoof.ssl.upstream import FrozenUpstream, load_upstream_config, open_upstream

KINDS = {"wav2vec2_large": True, "hubert_base": False, "wavlm_large": False, "data2vec": True}
SAMPLES = (6403, 400, 5000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> (its model in transformers, the config of its upstream); two were trained on
    normalised waveforms."""
    models = {}
    for kind, normalize in KINDS.items():
        folder = tmp_path_factory.mktemp(kind)
        model = hugging_face(kind, folder, normalize=normalize)
        checkpoint, _ = convert(folder)
        save(checkpoint, folder / "model.pt")
        name = f"{kind.partition('_')[0]}_local"
        models[kind] = model, {**UPSTREAM, "name": name, "checkpoint": str(folder / "model.pt")}
    return models


def reference(model, wave, layer, config, trained):
    """(T, D) of one utterance by itself, by transformers' model and this module's docstring."""
    normal = trained if config["waveform_norm"] == "as_trained" else config["waveform_norm"]
    x = wave.double()
    if normal:
        mean = sum(x.tolist()) / len(x)
        variance = sum((value - mean) ** 2 for value in x.tolist()) / len(x)
        x = (x - mean) / math.sqrt(variance + 1e-5)
    with torch.no_grad():
        found = model(x.float()[None], output_hidden_states=True)
    after = layer == 3 and config["final_norm"] == "after"
    states = (found.last_hidden_state if after else found.hidden_states[layer])[0]
    assert len(states) == 1 + (len(wave) - 400) // 320
    if config["frames"] == "s3prl":
        lines = list(states)
        while len(lines) < len(wave) / 320:
            lines.append(states[-1])
        states = torch.stack(lines)
    return states.numpy()


DEPARTURES = [
    {},
    {"final_norm": "before", "frames": "s3prl"},
    {"waveform_norm": True, "layers": [3, 1, 1]},
    {"waveform_norm": False, "final_norm": "before", "layers": [0, 3]},
]


@pytest.mark.parametrize("departures", DEPARTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_holds_what_transformers_gives_for_each_alone(made, kind, departures):
    model, config = made[kind]
    config = {**config, "layers": "all", **departures}
    frozen = FrozenUpstream(config)
    layers = [0, 1, 2, 3] if config["layers"] == "all" else sorted(set(config["layers"]))
    assert frozen.layer_indices == layers
    waves = sounds(*SAMPLES, amplitude=0.02)
    found = frozen([wave.numpy() for wave in waves], "abc")
    assert [list(one) for one in found] == [layers] * 3
    for wave, one in zip(waves, found, strict=True):
        for layer, states in one.items():
            assert states.dtype == np.float32
            wanted = reference(model, wave, layer, config, KINDS[kind])
            np.testing.assert_allclose(states, wanted, atol=1e-4)


def test_it_says_what_it_gives_and_never_learns(made):
    frozen = FrozenUpstream(made["wav2vec2_large"][1])
    assert (frozen.layer_indices, frozen.dim, frozen.frame_rate) == ([3], 32, 49)
    assert frozen.transformer and frozen.batches
    assert not any(module.training for module in frozen.model.modules())
    assert not any(parameter.requires_grad for parameter in frozen.model.parameters())
    assert "forward" in vars(frozen.model.model.feature_extractor)  # as products of matrices
    bank = FrozenUpstream({**UPSTREAM, "name": "fbank"})
    assert (bank.transformer, bank.batches, bank.dim, bank.frame_rate) == (False, False, 240, 98)


@pytest.mark.parametrize("layers", [[-1], [4], [], [0, 4]])
def test_layers_that_there_are_not_are_refused(made, layers):
    with pytest.raises(UserError, match="wav2vec2_local: has layers 0 to 3, wanted"):
        FrozenUpstream({**made["wav2vec2_large"][1], "layers": layers})


def test_what_is_too_short_or_too_large_is_said_with_its_utterances(made, monkeypatch):
    frozen = FrozenUpstream(made["wav2vec2_large"][1])
    waves = [np.ones(count, np.float32) for count in (400, 399)]
    assert frozen(waves[:1], "a")[0][3].shape == (1, 32)
    with pytest.raises(UserError, match="b: 399 samples are too short for a frame of 400"):
        frozen(waves, "ab")
    long = [np.ones(24000, np.float32)] * 4
    for error, message in (
        (torch.OutOfMemoryError("x"), r"out of memory on 4 utterances, 6 s; lower --batch-seconds"),
        (RuntimeError("first\nsecond"), r"fails \(first\) on samples of a 24000, b 24000"),
        (AssertionError(), r"fails \(AssertionError\) on samples of a 24000, b 24000"),
    ):

        def fail(_, error=error):
            raise error

        monkeypatch.setattr(frozen, "_hidden", fail)
        with pytest.raises(UserError, match=message):
            frozen(long, "abcd")


def test_autocast_is_for_a_gpu_and_gives_float32_of_less_precision(made):
    config = {**made["wav2vec2_large"][1], "layers": "all"}
    plain = FrozenUpstream(config)
    frozen = FrozenUpstream({**config, "autocast": "fp16", "tolerance": 0.1})
    wave = [sounds(5000)[0].numpy()]
    (exact,), (found,) = plain(wave, "a"), frozen(wave, "a")
    assert all(np.array_equal(exact[layer], found[layer]) for layer in range(4))
    assert [upstreams.AUTOCAST[key] for key in ("none", "bf16", "fp16")] == [
        *(None, torch.bfloat16, torch.float16)
    ]
    frozen.amp = torch.float16  # as on a GPU
    (found,) = frozen(wave, "a")
    for layer, matrix in exact.items():  # ten bits of mantissa
        assert found[layer].dtype == np.float32
        assert 1e-4 < np.abs(matrix - found[layer]).mean() / np.abs(matrix).mean() < 1e-2


def test_an_opened_upstream_follows_its_config_and_stays_able_to_learn(made):
    _, config = made["wav2vec2_large"]
    wave = sounds(5000)
    with torch.no_grad():
        found = {}
        for norm in ("before", "after"):
            model, exact = open_upstream({**config, "final_norm": norm})
            assert is_transformer(model) and exact and not model.training
            found[norm] = model(wave)["hidden_states"]
        normed = model.model.encoder.layer_norm(found["before"][-1])
    torch.testing.assert_close(normed, found["after"][-1])
    assert all(torch.equal(a, b) for a, b in zip(*(f[:-1] for f in found.values()), strict=True))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_frames_are_cut_or_the_last_one_repeated():
    states = torch.arange(12.0).reshape(4, 3)
    for count in range(1, 8):
        wanted = [states[min(index, 3)].tolist() for index in range(count)]
        assert match_frames(states, count).tolist() == wanted


def test_frames_are_counted_by_each_convolution_in_turn():
    for samples in (0, 1, 9, 10, 14, 15, 24, 25, 320, 321, 399, 400, 16000):
        for layers in (((10, 5),), ((10, 5), (3, 2)), ((10, 5), (3, 2), (3, 2), (2, 2))):
            places = samples
            for kernel, stride in layers:
                places = len([at for at in range(0, places, stride) if at + kernel <= places])
            assert frame_count(samples, convolutions=layers) == places
        assert frame_count(samples, "s3prl") == len(range(0, samples, 320))


WRONG = {
    "dtype: float16": "'dtype' is 'float16', wanted one of float32, two_byte, one_byte",
    "final_norm: none": "'final_norm' is 'none', wanted one of before, after",
    "frames: torchaudio": "'frames' is 'torchaudio', wanted one of fairseq, s3prl",
    "window: {policy: last}": "'window.policy' is 'last', wanted one of full, first, centre, rand",
    "window: {pad: repeat}": "'window.pad' is 'repeat', wanted one of tile, zero, none",
    "autocast: int8": "'autocast' is 'int8', wanted one of none, bf16, fp16",
    "allow: [resample, mono]": "'allow' is 'mono', wanted one of resample, mixdown",
    "autocast: bf16": "'autocast: bf16' needs a 'tolerance' above 0",
    "autocast: fp16\ntolerance: -0.1": "'autocast: fp16' needs a 'tolerance' above 0",
}


@pytest.mark.parametrize("text", WRONG)
def test_every_choice_of_a_config_is_checked(tmp_path, text):
    (tmp_path / "x.yaml").write_text(f"name: fbank\n{text}\n")
    with pytest.raises(UserError, match="x.yaml: ") as caught:
        load_upstream_config(tmp_path / "x.yaml")
    assert WRONG[text] in str(caught.value)


def test_what_a_config_may_say_is_taken(tmp_path):
    (tmp_path / "x.yaml").write_text("name: fbank")
    assert load_upstream_config(tmp_path / "x.yaml") == {**UPSTREAM, "name": "fbank"}
    lines = ("autocast: bf16", "tolerance: 0.01", "allow: [mixdown, resample]", "dtype: one_byte")
    (tmp_path / "x.yaml").write_text("\n".join(("name: fbank", *lines, "final_norm: before")))
    config = load_upstream_config(tmp_path / "x.yaml")
    wanted = {"autocast": "bf16", "tolerance": 0.01, "allow": ["mixdown", "resample"]}
    assert config == {
        **UPSTREAM, "name": "fbank", "dtype": "one_byte", "final_norm": "before", **wanted
    }  # fmt: skip
