"""A small HuBERT of s3prl's own class, its masked prediction, and the form it is kept in."""

import importlib
import warnings
from typing import Any

import torch
from torch.nn.functional import cross_entropy, normalize

from .. import SAMPLE_RATE
from ..data.seeds import seed_torch
from ..ssl.conventions import CONVOLUTIONS, STRIDE
from ..ssl.s3prl import find_upstream

LABEL_RATE = SAMPLE_RATE / STRIDE  # targets per second
_AS_IN_S3PRL = ("conv_pos", "conv_pos_groups", "final_dim", "dropout", "mask_prob", "mask_length")


def settings_of(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(task_cfg, model_cfg) of s3prl's HuBERT for a resolved config of a pre-training."""
    channels = config["conv_channels"]
    task = {"label_rate": LABEL_RATE, "sample_rate": SAMPLE_RATE, "normalize": False}
    model = {
        "label_rate": LABEL_RATE,
        "conv_feature_layers": str([(channels, *shape) for shape in CONVOLUTIONS]),
        "encoder_layers": config["layers"],
        "encoder_embed_dim": config["dim"],
        "encoder_ffn_embed_dim": config["ffn_dim"],
        "encoder_attention_heads": config["heads"],
        "attention_dropout": 0.0,
        **{key: config[key] for key in _AS_IN_S3PRL},
    }
    return task, model


def symbols_of(config: dict[str, Any]) -> list[list[str]]:
    """Names of the clusters, one list for the one k-means: s3prl needs to know how many."""
    return [[str(unit) for unit in range(config["clusters"])]]


def build_hubert(config: dict[str, Any]) -> torch.nn.Module:
    """s3prl's HubertModel of a resolved config, drawn from config["seed"]."""
    find_upstream("hubert_local")  # s3prl cannot be imported before its stand-ins
    hubert = importlib.import_module("s3prl.upstream.hubert.hubert_model")
    task, model = settings_of(config)
    seed_torch(config["seed"])
    model, task = hubert.HubertConfig(**model), hubert.HubertPretrainingConfig(**task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what s3prl uses that PyTorch will drop
        model = hubert.HubertModel(model, task, symbols_of(config))
    # s3prl draws them from [0, 1): all would begin in one direction, and cosines compare them.
    torch.nn.init.normal_(model.label_embs_concat)
    return model


def predict(
    model: torch.nn.Module, waves: torch.Tensor, units: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hide spans of a batch without padding and tell its units.

    waves: (B, S); units: (B, T) long, T frames of S samples. Returns (losses (B, T) in nats,
    right (B, T) bool, hidden (B, T) bool, mean square of the convolutions' output). It is the
    forward pass of s3prl's HuBERT, whose own loss compares each frame with a copy of all clusters.
    """
    features = model.feature_extractor(waves)  # (B, C, T)
    x = model.layer_norm(features.transpose(1, 2))
    x = x if model.post_extract_proj is None else model.post_extract_proj(x)  # (B, T, D)
    x, hidden = model.apply_mask(x, None, None)
    x, _ = model.encoder(x)
    x = normalize(model.final_proj(x), dim=-1)
    logits = x @ normalize(model.label_embs_concat, dim=-1).T / model.logit_temp  # (B, T, clusters)
    losses = cross_entropy(logits.transpose(1, 2), units, reduction="none")
    return losses, logits.argmax(-1) == units, hidden, features.square().mean()


def in_s3prl_form(model: torch.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint that `antispoof.ssl.load_local` reads; weights in float16."""
    task, settings = settings_of(config)
    weights = {name: tensor.detach().half() for name, tensor in model.state_dict().items()}
    return {
        "task_cfg": task,
        "model_cfg": settings,
        "model_weight": weights,
        "dictionaries_symbols": symbols_of(config),
    }
