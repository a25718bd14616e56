"""Conversion of Hugging Face folders: every family, every way they can fail to fit."""

import json

import pytest
import torch
from ssl_models import KINDS, hugging_face, jolt, sounds

from antispoof.errors import UserError
from antispoof.ssl import convert, load_local, save, summarise


def states(upstream):
    with torch.no_grad():
        return upstream(sounds(4000))["hidden_states"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_converted_file_is_read_by_s3prl_itself(tmp_path, kind):
    from antispoof.ssl.s3prl import find_upstream

    hugging_face(kind, tmp_path / "hf", normalize=True)
    checkpoint, _ = convert(tmp_path / "hf")
    summary = save(checkpoint, tmp_path / "out.pt")
    assert summary.normalize and summary.layers == 3
    own = find_upstream(f"{summary.family}_local")(ckpt=str(tmp_path / "out.pt")).eval()
    ours = load_local(tmp_path / "out.pt")
    assert not ours.training
    for a, b in zip(states(own), states(ours), strict=True):
        assert torch.equal(a, b)


def test_folders_in_parts_and_as_a_pickle(tmp_path):
    from safetensors.torch import load_file, save_file

    hugging_face("wav2vec2_large", tmp_path)
    whole, _ = convert(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    pickled, _ = convert(tmp_path)
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for part, keys in parts.items():
        save_file({key: weights[key] for key in keys}, tmp_path / part)
    index = {"weight_map": {key: part for part, keys in parts.items() for key in keys}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    in_parts, _ = convert(tmp_path)
    for other in (pickled, in_parts):
        for name, tensor in whole["model_weight"].items():
            assert torch.equal(tensor, other["model_weight"][name])


def test_heads_are_left_out_and_said_so(tmp_path):
    import transformers

    hugging_face("wav2vec2_large", tmp_path)
    config = transformers.Wav2Vec2Config.from_pretrained(tmp_path)
    jolt(transformers.Wav2Vec2ForPreTraining(config)).save_pretrained(tmp_path)
    _, notes = convert(tmp_path)
    heads = "project_hid, project_q, quantizer"
    assert notes == [f"left out: {heads}, heads that no hidden state needs"]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"model_type": "bert"}, "model_type is 'bert'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"add_adapter": True}, "add_adapter"),
        ({"layer_norm_eps": 1e-12}, "layer_norm_eps"),
        ({"hidden_size": 16}, "as wide as the encoder"),
        ({"num_hidden_layers": 2}, "Unexpected.*layers.2"),
        ({"num_hidden_layers": 4}, "Missing.*layers.3"),
    ],
)
def test_a_folder_that_s3prl_cannot_hold_is_refused(tmp_path, edits, message):
    hugging_face("hubert_large", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **edits}))
    with pytest.raises(UserError, match=message):
        convert(tmp_path)


def test_unknown_weights_are_listed(tmp_path):
    from safetensors.torch import load_file, save_file

    hugging_face("wavlm_large", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    more = {"encoder.new.weight": torch.ones(1), "adapter.weight": torch.ones(1)}
    save_file({**weights, **more}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="adapter.weight, encoder.new.weight"):
        convert(tmp_path)


def test_an_incomplete_folder_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="config.json: no such file"):
        convert(tmp_path)
    hugging_face("wav2vec2_large", tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="--normalize yes or no"):
        convert(tmp_path)
    assert summarise(convert(tmp_path, normalize=True)[0], "").normalize
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        convert(tmp_path, normalize=True)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match="wanted model.safetensors or"):
        convert(tmp_path, normalize=True)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        convert(tmp_path)


def test_fairseqs_data2vec_loses_its_teacher(tmp_path):
    hugging_face("data2vec", tmp_path / "hf")
    first, _ = convert(tmp_path / "hf")
    cfg = {"model": {**first["model_cfg"], "_name": "data2vec_audio"}, "task": {}}
    teacher = {"layers.0.fc1.weight": torch.ones(2)}
    head = {"final_proj.weight": torch.ones(32, 32), "final_proj.bias": torch.ones(32)}
    weights = {**first["model_weight"], **head, "_ema": teacher}
    torch.save({"cfg": cfg, "model": weights}, tmp_path / "in.pt")
    second, notes = convert(tmp_path / "in.pt")
    assert notes == ["left out: the teacher (_ema), which only pre-training needs"]
    save(first, tmp_path / "first.pt")
    save(second, tmp_path / "second.pt")
    pairs = zip(
        *(states(load_local(tmp_path / f"{n}.pt")) for n in ("first", "second")), strict=True
    )
    assert all(torch.equal(a, b) for a, b in pairs)
