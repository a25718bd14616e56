"""Hugging Face folders tensor by tensor and setting by setting, and what a folder may not do."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from ssl_models import hugging_face

from antispoof.errors import UserError
from antispoof.ssl import convert, load_local, save, summarise

KINDS = ("wav2vec2_large", "wav2vec2_base", "hubert_base", "wavlm_large", "data2vec")
# Words of a name in transformers and in fairseq; whole words between dots, the first that fits.
WORDS = {
    "masked_spec_embed": "mask_emb",
    "feature_projection.layer_norm": "layer_norm",
    "feature_projection.projection": "post_extract_proj",
    "pos_conv_embed.conv.parametrizations.weight.original0": "pos_conv.0.weight_g",
    "pos_conv_embed.conv.parametrizations.weight.original1": "pos_conv.0.weight_v",
    "pos_conv_embed.conv": "pos_conv.0",
    "attention.gru_rel_pos_const": "self_attn.grep_a",
    "attention.gru_rel_pos_linear": "self_attn.grep_linear",
    "attention.rel_attn_embed": "self_attn.relative_attention_bias",
    **{f"attention.{part}_proj": f"self_attn.{part}_proj" for part in ("k", "q", "v", "out")},
    "feed_forward.intermediate_dense": "fc1",
    "feed_forward.output_dense": "fc2",
    **{f"layers.{n}.layer_norm": f"layers.{n}.self_attn_layer_norm" for n in range(3)},
    **{f"pos_conv_embed.layers.{n}.conv": f"pos_conv.{n}.0" for n in range(3)},
    **{f"conv_layers.{n}.conv": f"conv_layers.{n}.0" for n in range(7)},
}


def fairseq_name(name, kind):
    for theirs, ours in WORDS.items():
        start, found, end = f".{name}.".partition(f".{theirs}.")
        if found:
            return f"{start}.{ours}.{end}".strip(".")
    grouped = kind.endswith("base")  # group norm stands alone, layer norm between transposes
    return name.replace(".layer_norm.", ".2." if grouped else ".2.1.") if "conv_l" in name else name


@pytest.mark.parametrize("kind", KINDS)
def test_each_tensor_goes_to_its_place_and_only_small_heads_are_new(tmp_path, kind):
    theirs = hugging_face(kind, tmp_path).state_dict()
    checkpoint, notes = convert(tmp_path)
    found = dict(checkpoint["model" if kind == "wavlm_large" else "model_weight"])
    wanted = {fairseq_name(name, kind): tensor for name, tensor in theirs.items()}
    assert len(wanted) == len(theirs)
    for name, tensor in wanted.items():
        assert torch.equal(found.pop(name), tensor), name
    heads = {"final_proj.weight": (1, 32), "final_proj.bias": (1,)}
    if kind.startswith("wav2vec2"):
        heads |= {"project_q.weight": (1, 16), "project_q.bias": (1,)}
    heads = {"wavlm_large": {}, "data2vec": {"_ema": {}}}.get(kind, heads)
    assert {n: t if n == "_ema" else tuple(t.shape) for n, t in found.items()} == heads
    assert not any(t.any() for n, t in found.items() if n != "_ema")
    assert notes == []


SHARES = {
    "hidden_dropout": 0.11,
    "attention_dropout": 0.12,
    "activation_dropout": 0.13,
    "feat_proj_dropout": 0.14,
    "layerdrop": 0.15,
}
SETTINGS = {
    "encoder_layers": 2,
    "encoder_embed_dim": 24,
    "encoder_ffn_embed_dim": 56,
    "encoder_attention_heads": 3,
    "activation_fn": "gelu",
    "conv_feature_layers": "[(16, 10, 5), (16, 3, 4)]",
    "dropout": 0.11,
    "attention_dropout": 0.12,
    "activation_dropout": 0.13,
    "dropout_input": 0.14,
    "encoder_layerdrop": 0.15,
    "conv_pos": 18,
    "conv_pos_groups": 6,
}
STYLES = {
    "wav2vec2_large": {"extractor_mode": "layer_norm", "layer_norm_first": True, "conv_bias": True},
    "hubert_base": {"extractor_mode": "default", "layer_norm_first": False, "conv_bias": False},
    "wavlm_base": {"extractor_mode": "default", "layer_norm_first": False, "conv_bias": False},
    "data2vec": {"extractor_mode": "layer_norm", "layer_norm_first": False, "conv_bias": False},
}
MORE = {
    "wav2vec2_large": {"final_dim": 1, "quantize_targets": False},
    "hubert_base": {"final_dim": 1, "label_rate": 50.0},
    "wavlm_base": {"relative_position_embedding": True, "gru_rel_pos": True, "normalize": True}
    | {"num_buckets": 30, "max_distance": 70},
    "data2vec": {"conv_pos": 2 * 19, "pos_conv_depth": 2},
}


@pytest.mark.parametrize("kind", MORE)
def test_each_setting_keeps_its_value_under_fairseqs_name(tmp_path, kind):
    shape = {"num_hidden_layers": 2, "hidden_size": 24, "intermediate_size": 56}
    shape |= {"num_attention_heads": 3, "num_conv_pos_embedding_groups": 6}
    shape |= {"conv_dim": [16, 16], "conv_kernel": [10, 3], "conv_stride": [5, 4]}
    shape["num_conv_pos_embeddings"] = 2 if kind == "data2vec" else 18
    if kind == "wavlm_base":
        shape |= {"num_buckets": 30, "max_bucket_distance": 70}
    hugging_face(kind, tmp_path, normalize=True, **shape, **SHARES)
    checkpoint, _ = convert(tmp_path)
    wanted = {**SETTINGS, **STYLES[kind], **MORE[kind]}
    assert checkpoint["cfg" if kind == "wavlm_base" else "model_cfg"] == wanted
    if kind != "wavlm_base":
        assert checkpoint["task_cfg"] == {"normalize": True}
    assert checkpoint.get("dictionaries_symbols") == ([None] if kind == "hubert_base" else None)
    other, _ = convert(tmp_path, normalize=False)
    assert summarise(checkpoint, "x").normalize and not summarise(other, "x").normalize


def edit(path, **values):
    """Change a JSON file; None takes a key out."""
    config = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: v for key, v in config.items() if v is not None}))


def test_what_an_old_config_does_not_say_is_transformers_default(tmp_path):
    hugging_face("wav2vec2_base", tmp_path)
    names = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
    gone = (*names, "layerdrop", "conv_bias", "do_stable_layer_norm")
    edit(tmp_path / "config.json", **dict.fromkeys(gone))
    found = convert(tmp_path)[0]["model_cfg"]
    ours = ("dropout", "attention_dropout", "activation_dropout", "dropout_input")
    assert [found[key] for key in ours] == [0.1, 0.1, 0.0, 0.0]
    assert [found[key] for key in ("conv_bias", "layer_norm_first")] == [False, False]
    assert found["encoder_layerdrop"] == 0.0


REFUSED = {
    **{"feat_extract_activation": "relu", "hidden_act": "silu", "layer_norm_eps": 1e-6},
    **{"add_adapter": True, "adapter_attn_dim": 16, "feat_proj_layer_norm": False},
    **{"conv_pos_batch_norm": True},
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_setting_that_s3prl_cannot_follow_is_refused(tmp_path, key):
    hugging_face("hubert_base", tmp_path)
    edit(tmp_path / "config.json", **{key: REFUSED[key]})
    with pytest.raises(UserError, match=f"config.json: {key} is {REFUSED[key]!r}; s3prl knows"):
        convert(tmp_path)


@pytest.mark.parametrize("value", [1, "true", 0.0])
def test_a_normalisation_that_is_neither_true_nor_false_is_refused(tmp_path, value):
    hugging_face("hubert_base", tmp_path)
    edit(tmp_path / "preprocessor_config.json", do_normalize=value)
    with pytest.raises(UserError, match="do_normalize is .*wanted true or false"):
        convert(tmp_path)
    assert convert(tmp_path, normalize=True)[0]["task_cfg"] == {"normalize": True}


def test_names_with_a_models_prefix_old_weight_norms_and_heads(tmp_path):
    hugging_face("wav2vec2_large", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    plain, _ = convert(tmp_path)
    start = "encoder.pos_conv_embed.conv."
    for number, letter in enumerate("gv"):
        weights[f"{start}weight_{letter}"] = weights.pop(
            f"{start}parametrizations.weight.original{number}"
        )
    del weights["masked_spec_embed"]
    heads = ("lm_head", "projector", "classifier", "quantizer.codevectors", "project_q")
    named = {f"{head}.weight": torch.ones(2) for head in (*heads, "project_hid")}
    named["layer_weights"] = torch.ones(3)
    save_file({**{f"wav2vec2.{n}": t for n, t in weights.items()}, **named},
              tmp_path / "model.safetensors")  # fmt: skip
    found, notes = convert(tmp_path)
    names = "classifier, layer_weights, lm_head, project_hid, project_q, projector, quantizer"
    assert notes == [
        f"left out: {names}, heads that no hidden state needs",
        "mask_emb, which only training needs, is zero: the folder has none",
    ]
    assert found["model_weight"].keys() == plain["model_weight"].keys()
    for name, tensor in plain["model_weight"].items():
        same = torch.equal(found["model_weight"][name], tensor)
        assert same is (name != "mask_emb"), name
    assert torch.equal(found["model_weight"]["mask_emb"], torch.zeros(32))


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_file_of_settings_is_one_object(tmp_path, name):
    hugging_face("hubert_base", tmp_path)
    (tmp_path / name).write_text("[1]")
    with pytest.raises(UserError, match=f"{name}: wanted a JSON object"):
        convert(tmp_path)


@pytest.mark.parametrize("absolute", [False, True])
def test_an_index_names_no_file_outside_of_its_folder(tmp_path, absolute):
    folder = tmp_path / "folder"
    hugging_face("wav2vec2_large", folder)
    weights = load_file(folder / "model.safetensors")
    outside = tmp_path / "outside.safetensors"
    (folder / "model.safetensors").rename(outside)
    named = str(outside) if absolute else "../outside.safetensors"
    index = {"weight_map": dict.fromkeys(weights, named)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="folder/outside.safetensors: cannot be read"):
        convert(folder)
    save_file(weights, folder / "outside.safetensors")  # inside, that name is one of its parts
    assert convert(folder)


def test_parts_come_before_a_whole_file_and_that_before_a_pickle(tmp_path):
    hugging_face("wav2vec2_large", tmp_path)
    weights, found = load_file(tmp_path / "model.safetensors"), []
    torch.save({n: t + 2 for n, t in weights.items()}, tmp_path / "pytorch_model.bin")
    save_file({n: t + 4 for n, t in weights.items()}, tmp_path / "part.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(weights, "part.safetensors")}))
    for path in (index, tmp_path / "model.safetensors", tmp_path / "pytorch_model.bin"):
        bias = convert(tmp_path)[0]["model_weight"]["encoder.layer_norm.bias"]
        found.append(round(float((bias - weights["encoder.layer_norm.bias"]).mean())))
        path.unlink()
    assert found == [4, 0, 2]
    with pytest.raises(UserError, match=r"wanted model.safetensors or pytorch_model.bin in it"):
        convert(tmp_path)


def test_a_stored_checkpoint_is_read_back_with_its_numbers(tmp_path):
    model = hugging_face("data2vec", tmp_path / "hf")
    save(convert(tmp_path / "hf")[0], tmp_path / "model.pt")
    again = load_local(tmp_path / "model.pt").model.state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again[fairseq_name(name, "data2vec")], tensor), name
    with pytest.raises(UserError, match="no such file; tools/convert_checkpoint.py makes one"):
        load_local(tmp_path / "nowhere.pt")
