"""The weights of AntiDeepfake (arXiv 2506.21090), which bring their front end with them.

A file holds a fairseq model under `m_ssl.model.`, wav2vec 2.0 or HuBERT, and `proj_fc`, the linear
layer behind its mean over time, whose rows are (fake, real). Nothing in it says how the front end
is made: its weights' shapes do, but for the heads of its attention, which its width decides.

The model is `linear`; its front end reads the whole waveform, normalised, and its last layer after
the encoder's final norm.
"""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..config import EXPERIMENT, UPSTREAM
from ..errors import UserError
from ..evaluation.contamination import note_training
from ..ssl.convert import save
from ..ssl.fairseq import from_state
from ..ssl.local import build
from .build import build_system

LAYOUT = "linear"
FRONT_END, CLASSIFIER = "m_ssl.model.", "proj_fc."
HEADS = {768: 12, 1024: 16, 1280: 16, 1920: 16}  # of the published widths
STRIDES = (5, 2, 2, 2, 2, 2, 2)
ONLY_PRETRAINING = ("quantizer.", "project_q.", "final_proj.", "label_embs_concat")
NAME, NAMED = "front_end.pt", "antideepfake"

State = Mapping[str, torch.Tensor]


def is_one(names: State) -> bool:
    """Whether the weights `names` are of this layout."""
    return f"{CLASSIFIER}weight" in names and any(name.startswith(FRONT_END) for name in names)


def take(
    state: State, path: str | Path, upstream: str, exp_dir: str | Path
) -> tuple[dict[str, Any], torch.nn.Module]:
    """(config, model); the front end goes to `exp_dir`, with what it was trained on.

    Raises UserError.
    """
    if upstream:
        raise UserError(f"--upstream: {path} brings its own front end; leave the option out")
    known = {f"{CLASSIFIER}weight", f"{CLASSIFIER}bias"}
    unknown = [n for n in state if n not in known and not n.startswith(FRONT_END)]
    if unknown or not known <= state.keys():
        more = ", ".join(sorted(unknown)[:8]) or "no proj_fc.bias"
        raise UserError(
            f"{path}: as weights of AntiDeepfake, found {more}; wanted none but its own"
        )
    weights = {n.removeprefix(FRONT_END): t for n, t in state.items() if n.startswith(FRONT_END)}
    family = "hubert" if any(name.startswith("label_embs") for name in weights) else "wav2vec2"
    try:
        settings = settings_of(family, weights, path)
        checkpoint = from_state(family, settings, _complete(weights, settings), normalize=True)
    except (KeyError, IndexError, ValueError, ArithmeticError) as error:
        raise UserError(
            f"{path}: its front end lacks {error}; wanted a wav2vec 2.0 or HuBERT of fairseq"
        ) from None
    # all that is missing, unknown or misshapen is refused before anything is written
    classifier = _classifier(state, settings["encoder_embed_dim"], path)
    build(checkpoint, path)
    place = Path(exp_dir) / NAME
    save(checkpoint, place)
    note_training(exp_dir, NAMED)
    config = config_of(family, settings, place)
    model = build_system(config)
    model.back_end.load_state_dict(classifier)
    return config, model


def settings_of(family: str, weights: State, path: str | Path) -> dict[str, Any]:
    """What fairseq's config would say of a front end with these weights. Raises UserError."""
    layers = {m[1] for n in weights if (m := re.match(r"encoder\.layers\.(\d+)\.", n))}
    convolutions = [weights[f"feature_extractor.conv_layers.{n}.0.weight"] for n in range(7)]
    kernels = [(len(w), w.shape[2], s) for w, s in zip(convolutions, STRIDES, strict=True)]
    narrow, dim = weights["encoder.layers.0.fc1.weight"].shape
    if dim not in HEADS:
        raise UserError(
            f"{path}: its front end is {dim} wide, wanted one of {', '.join(map(str, HEADS))}"
        )
    each_norm = "feature_extractor.conv_layers.1.2.1.weight" in weights
    return {
        "_name": family,
        "extractor_mode": "layer_norm" if each_norm else "default",
        "layer_norm_first": each_norm,
        "conv_feature_layers": str(kernels),
        "conv_bias": "feature_extractor.conv_layers.0.0.bias" in weights,
        "encoder_layers": len(layers),
        "encoder_embed_dim": dim,
        "encoder_ffn_embed_dim": narrow,
        "encoder_attention_heads": HEADS[dim],
        "conv_pos": weights["encoder.pos_conv.0.weight_g"].numel(),
        "conv_pos_groups": dim // weights["encoder.pos_conv.0.weight_v"].shape[1],
        "quantize_targets": False,
        "final_dim": 1,
    }


def _complete(weights, settings):
    """Without what pre-training alone needs; of what s3prl asks for all the same, zeros."""
    kept = {n: t for n, t in weights.items() if not n.startswith(ONLY_PRETRAINING)}
    dim, extracted = settings["encoder_embed_dim"], weights["layer_norm.weight"].numel()
    kept |= {"final_proj.weight": torch.zeros(1, dim), "final_proj.bias": torch.zeros(1)}
    if settings["_name"] == "wav2vec2":
        kept |= {"project_q.weight": torch.zeros(1, extracted), "project_q.bias": torch.zeros(1)}
    kept.setdefault("mask_emb", torch.zeros(dim))
    return kept


def _classifier(state, dim, path):
    """The weights of the linear layer under our names."""
    wanted = {"weight": (2, dim), "bias": (2,)}
    for end, shape in wanted.items():
        found = tuple(state[f"{CLASSIFIER}{end}"].shape)
        if found != shape:
            raise UserError(f"{path}: {CLASSIFIER}{end}: found the shape {found}, wanted {shape}")
    return {f"output.{end}": state[f"{CLASSIFIER}{end}"] for end in wanted}


def config_of(family: str, settings: dict[str, Any], place: Path) -> dict[str, Any]:
    """The config of an experiment that scores with it; place: of the front end."""
    conf = copy.deepcopy(UPSTREAM)
    conf |= {"name": f"{family}_local", "checkpoint": str(place), "waveform_norm": True}
    return {
        **EXPERIMENT,
        "feats": "ssl",
        "upstream": NAMED,
        "layers": [settings["encoder_layers"]],
        "model": LAYOUT,
        "crop": {"train": "random", "test": "full", "seconds": 10.0, "pad": "none"},
        "batch_size": 8,
        "seed": 0,
        "upstream_conf": conf,
        "upstream_checkpoint": str(place.resolve()),
    }
