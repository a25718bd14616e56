"""Hugging Face folders of wav2vec 2.0, HuBERT, WavLM and data2vec-audio in s3prl's form."""

import json
import re
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from .pickles import read_pickled

_FAMILIES = {
    "wav2vec2": "wav2vec2",
    "hubert": "hubert",
    "wavlm": "wavlm",
    "data2vec-audio": "data2vec",
}
_PREFIX = re.compile(r"^(wav2vec2|hubert|wavlm|data2vec_audio)\.")  # of models with a head
# Heads of pre-training and fine-tuning: no hidden state depends on them.
_HEADS = re.compile(
    r"^(quantizer|project_q|project_hid|lm_head|projector|classifier|layer_weights)\b"
)
_LAYER = r"^encoder\.layers\.(\d+)\."
_NAMES = (  # Hugging Face's name, fairseq's
    (r"^feature_extractor\.conv_layers\.(\d+)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
    (r"^feature_projection\.layer_norm\.", r"layer_norm."),
    (r"^feature_projection\.projection\.", r"post_extract_proj."),
    (r"^masked_spec_embed$", r"mask_emb"),
    (r"^encoder\.pos_conv_embed\.layers\.(\d+)\.conv\.", r"encoder.pos_conv.\1.0."),
    (
        r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0$",
        "encoder.pos_conv.0.weight_g",
    ),
    (
        r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1$",
        "encoder.pos_conv.0.weight_v",
    ),
    (r"^encoder\.pos_conv_embed\.conv\.", r"encoder.pos_conv.0."),
    (r"^(encoder\.layer_norm)\.", r"\1."),
    (_LAYER + r"attention\.([kvq]|out)_proj\.", r"encoder.layers.\1.self_attn.\2_proj."),
    (_LAYER + r"attention\.gru_rel_pos_const$", r"encoder.layers.\1.self_attn.grep_a"),
    (_LAYER + r"attention\.gru_rel_pos_linear\.", r"encoder.layers.\1.self_attn.grep_linear."),
    (
        _LAYER + r"attention\.rel_attn_embed\.",
        r"encoder.layers.\1.self_attn.relative_attention_bias.",
    ),
    (_LAYER + r"layer_norm\.", r"encoder.layers.\1.self_attn_layer_norm."),
    (_LAYER + r"feed_forward\.intermediate_dense\.", r"encoder.layers.\1.fc1."),
    (_LAYER + r"feed_forward\.output_dense\.", r"encoder.layers.\1.fc2."),
    (_LAYER + r"final_layer_norm\.", r"encoder.layers.\1.final_layer_norm."),
)
# Settings that s3prl has no counterpart for: the only value of each that converts.
_ONLY = {
    "feat_extract_activation": "gelu",
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "add_adapter": False,
    "adapter_attn_dim": None,
    "feat_proj_layer_norm": True,
    "conv_pos_batch_norm": False,
}


def from_huggingface(
    folder: Path, normalize: bool | None = None
) -> tuple[dict[str, Any], list[str]]:
    """(checkpoint in s3prl's form, notes) of a folder with config.json and weights.

    Raises UserError, naming every weight that has no counterpart.
    """
    config = _json(folder / "config.json")
    family = _FAMILIES.get(config.get("model_type"))
    if family is None:
        raise UserError(
            f"{folder}/config.json: model_type is '{config.get('model_type')}', wanted one of "
            f"{', '.join(_FAMILIES)}"
        )
    for key, wanted in _ONLY.items():
        if config.get(key, wanted) != wanted:
            raise UserError(
                f"{folder}/config.json: {key} is {config[key]!r}; s3prl knows only {wanted!r}"
            )
    if normalize is None:
        normalize = _normalize(folder)
    weights, heads = _rename(_weights(folder), config, folder)
    notes = [f"left out: {', '.join(heads)}, heads that no hidden state needs"] if heads else []
    if "mask_emb" not in weights:
        weights["mask_emb"] = torch.zeros(config["hidden_size"])
        notes.append("mask_emb, which only training needs, is zero: the folder has none")
    settings = _settings(config, folder)
    if family == "wavlm":
        return {
            "cfg": {**settings, **_wavlm(config), "normalize": normalize},
            "model": weights,
        }, notes
    return _fairseq_like(family, settings, weights, config, normalize), notes


def _settings(config, folder):
    """The settings that every family shares, under fairseq's names."""
    layers = list(
        zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True)
    )
    if layers[-1][0] == config["hidden_size"]:
        raise UserError(
            f"{folder}/config.json: the convolutions are as wide as the encoder "
            f"({config['hidden_size']}); s3prl has no projection between them then"
        )
    return {
        "extractor_mode": "default" if config.get("feat_extract_norm") == "group" else "layer_norm",
        "encoder_layers": config["num_hidden_layers"],
        "encoder_embed_dim": config["hidden_size"],
        "encoder_ffn_embed_dim": config["intermediate_size"],
        "encoder_attention_heads": config["num_attention_heads"],
        "activation_fn": "gelu",
        "layer_norm_first": bool(config.get("do_stable_layer_norm", False)),
        "conv_feature_layers": str(layers),
        "conv_bias": bool(config.get("conv_bias", False)),
        "dropout": float(config.get("hidden_dropout", 0.1)),
        "attention_dropout": float(config.get("attention_dropout", 0.1)),
        "activation_dropout": float(config.get("activation_dropout", 0.0)),
        "dropout_input": float(config.get("feat_proj_dropout", 0.0)),
        "encoder_layerdrop": float(config.get("layerdrop", 0.0)),
        "conv_pos": config["num_conv_pos_embeddings"],
        "conv_pos_groups": config["num_conv_pos_embedding_groups"],
    }


def _wavlm(config):
    return {
        "relative_position_embedding": True,
        "gru_rel_pos": True,
        "num_buckets": config["num_buckets"],
        "max_distance": config["max_bucket_distance"],
    }


def _fairseq_like(family, settings, weights, config, normalize):
    """wav2vec2, hubert, data2vec: s3prl builds their pre-training heads, which get small zeros."""
    width, conv = config["hidden_size"], config["conv_dim"][-1]
    if family == "data2vec":
        depth = config["num_conv_pos_embeddings"]  # layers here, kernel width in the other families
        settings.update(
            conv_pos=depth * config["conv_pos_kernel_size"],
            pos_conv_depth=depth,
            extractor_mode="layer_norm",
        )
        weights["_ema"] = {}
    else:
        settings["final_dim"] = 1
        weights["final_proj.weight"], weights["final_proj.bias"] = (
            torch.zeros(1, width),
            torch.zeros(1),
        )
    if family == "wav2vec2":
        settings["quantize_targets"] = False
        weights["project_q.weight"], weights["project_q.bias"] = (
            torch.zeros(1, conv),
            torch.zeros(1),
        )
    checkpoint = {
        "task_cfg": {"normalize": normalize},
        "model_cfg": settings,
        "model_weight": weights,
    }
    if family == "hubert":
        settings["label_rate"] = 50.0
        checkpoint["dictionaries_symbols"] = [None]  # s3prl's word for: no pre-training targets
    return checkpoint


def _rename(weights, config, folder):
    """({fairseq's name: tensor}, heads left out); all unknown names are refused together."""
    renamed, heads, unknown = {}, set(), []
    norm = "2" if config.get("feat_extract_norm") == "group" else "2.1"  # group norm: layer 0 only
    extractor_norm = (
        r"^feature_extractor\.conv_layers\.(\d+)\.layer_norm\.",
        rf"feature_extractor.conv_layers.\1.{norm}.",
    )
    for original, tensor in weights.items():
        name = _PREFIX.sub("", original)
        if _HEADS.match(name):
            heads.add(name.split(".")[0])
            continue
        for pattern, replacement in (extractor_norm, *_NAMES):
            new, count = re.subn(pattern, replacement, name)
            if count:
                renamed[new] = tensor
                break
        else:
            unknown.append(original)
    if unknown:
        raise UserError(f"{folder}: weights of no known use: {', '.join(sorted(unknown))}")
    return renamed, sorted(heads)


def _normalize(folder):
    path = folder / "preprocessor_config.json"
    if not path.exists():
        raise UserError(
            f"{path}: not there, so whether the waveform is to be normalised is not known; "
            "give --normalize yes or no"
        )
    value = _json(path).get("do_normalize")
    if not isinstance(value, bool):
        raise UserError(f"{path}: do_normalize is {value!r}, wanted true or false")
    return value


def _weights(folder):
    """{name: tensor} of a folder: safetensors, whole or in parts, else a pickle read safely."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.exists():
        parts = [folder / Path(n).name for n in sorted(set(_json(index)["weight_map"].values()))]
    elif single.exists():
        parts = [single]
    elif (folder / "pytorch_model.bin").exists():
        return read_pickled(folder / "pytorch_model.bin")
    else:
        raise UserError(f"{folder}: wanted model.safetensors or pytorch_model.bin in it")
    weights = {}
    for part in parts:
        try:
            weights.update(load_file(part))
        except (SafetensorError, OSError) as error:
            raise UserError(f"{part}: cannot be read as safetensors: {error}") from None
    return weights


def _json(path):
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; wanted a Hugging Face folder") from None
    except ValueError as error:
        raise UserError(f"{path}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: wanted a JSON object")
    return value
