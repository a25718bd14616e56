"""fairseq's `.pt` files (and WavLM's, which have its shape) in s3prl's form.

s3prl's models are fairseq's own, so the weights keep their names; what is to do is to find the
settings in whatever form their time gave them: a dict, omegaconf's nodes, or an argparse.Namespace.
"""

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from .pickles import StandIn, plain, read_pickled
from .s3prl import find_upstream

# What `_name` (settings of 2021 and later) or `arch` (before) begins with, and the family.
_ARCHITECTURES = {"wav2vec2": "wav2vec2", "hubert": "hubert", "data2vec_audio": "data2vec"}
_CONFIGS = {  # in s3prl: module, settings of the model, settings of its task
    "wav2vec2": ("wav2vec2.wav2vec2_model", "Wav2Vec2Config", "AudioPretrainingConfig"),
    "hubert": ("hubert.hubert_model", "HubertConfig", "HubertPretrainingConfig"),
    "data2vec": ("data2vec.data2vec_model", "Data2VecAudioConfig", None),
}


def from_fairseq(
    path: str | Path, normalize: bool | None = None
) -> tuple[dict[str, Any], list[str]]:
    """(checkpoint in s3prl's form, notes) of the file `path`. Raises UserError."""
    state = read_pickled(path)
    if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
        keys = ", ".join(map(str, state)) if isinstance(state, dict) else type(state).__name__
        hint = "; it is in s3prl's form already" if "model_weight" in keys else ""
        raise UserError(
            f"{path}: holds {keys[:200]}; wanted fairseq's 'cfg' or 'args' and 'model'{hint}"
        )
    settings = _settings(state, path)
    weights = dict(state["model"])
    if any(not isinstance(tensor, torch.Tensor) for n, tensor in weights.items() if n != "_ema"):
        raise UserError(f"{path}: 'model' holds more than tensors; wanted a state dict")
    family = _family(settings, weights, path)
    if family == "wavlm":
        config = settings if normalize is None else {**settings, "normalize": normalize}
        return {"cfg": config, "model": weights}, []
    return _checkpoint(family, settings, weights, state, normalize)


def from_state(
    family: str, settings: dict[str, Any], weights: dict[str, torch.Tensor], normalize: bool
) -> dict[str, Any]:
    """The checkpoint in s3prl's form of a model whose settings fairseq did not store with it."""
    return _checkpoint(family, settings, dict(weights), {}, normalize)[0]


def _settings(state, path):
    """The settings as plain dicts: {"model": ..., "task": ...}, or flat."""
    found = state.get("cfg") if state.get("cfg") is not None else state.get("args")
    settings = plain(found, root=plain(found))
    if not isinstance(settings, dict) or not settings:
        raise UserError(f"{path}: has neither 'cfg' nor 'args': the model's shape is not known")
    return settings


def _family(settings, weights, path):
    if any(name.startswith("w2v_encoder.") for name in weights):
        raise UserError(f"{path}: fine-tuned for recognition; wanted the pre-trained model itself")
    if any(name.endswith("self_attn.grep_a") for name in weights):
        return "wavlm"
    model = settings.get("model") if isinstance(settings.get("model"), dict) else settings
    name = str(model.get("_name") or model.get("arch") or settings.get("arch") or "")
    for start, family in _ARCHITECTURES.items():
        if name.startswith(start):
            return family
    if "label_embs_concat" in weights:
        return "hubert"
    if "quantizer.vars" in weights:
        return "wav2vec2"
    wanted = "wav2vec2, hubert, wavlm or data2vec_audio"
    raise UserError(f"{path}: its architecture is '{name or 'not named'}', wanted {wanted}")


def _checkpoint(family, settings, weights, state, normalize):
    nested = isinstance(settings.get("model"), dict)
    model = settings["model"] if nested else settings
    task = (settings.get("task") or {}) if nested else settings
    name, model_class, task_class = _CONFIGS[family]
    find_upstream(f"{family}_local")  # s3prl cannot be imported before its stand-ins
    module = importlib.import_module(f"s3prl.upstream.{name}")
    wav2vec2 = importlib.import_module("s3prl.upstream.wav2vec2.wav2vec2_model")
    task_cfg = _known(task, getattr(module, task_class or "", wav2vec2.AudioPretrainingConfig))
    task_cfg["normalize"] = bool(task_cfg.get("normalize")) if normalize is None else normalize
    checkpoint = {
        "task_cfg": task_cfg,
        "model_cfg": _known(model, getattr(module, model_class)),
        "model_weight": weights,
    }
    notes = []
    if family == "data2vec":
        weights["_ema"] = {}
        notes.append("left out: the teacher (_ema), which only pre-training needs")
    if family == "hubert":
        checkpoint["model_cfg"].setdefault("label_rate", task.get("label_rate") or 50.0)
        checkpoint["dictionaries_symbols"], more = _dictionaries(state, weights, checkpoint)
        notes += more
    return checkpoint, notes


def _known(settings, config_class):
    """Those of `settings` that s3prl's config knows; it would drop the others."""
    names = {field.name for field in dataclasses.fields(config_class)}
    return {key: value for key, value in settings.items() if key in names and value is not None}


def _dictionaries(state, weights, checkpoint):
    """The labels of each of HuBERT's k-means targets; without them, their embeddings go too."""
    task_state = state.get("task_state")
    found = task_state.get("dictionaries") if isinstance(task_state, dict) else None
    symbols: list[Any] = [
        d.state.get("symbols") if isinstance(d, StandIn) else None for d in found or [None]
    ]
    embedded = weights.get("label_embs_concat")
    known = all(isinstance(s, list) for s in symbols) and embedded is not None
    if known and sum(map(len, symbols)) == len(embedded):
        return [[str(symbol) for symbol in s] for s in symbols], []
    weights.pop("label_embs_concat", None)
    count = 1
    if checkpoint["model_cfg"].get("untie_final_proj"):
        final = checkpoint["model_cfg"].get("final_dim") or len(weights["mask_emb"])
        count = len(weights["final_proj.weight"]) // final
    return [None] * count, ["left out: label_embs_concat, which only pre-training needs"]
