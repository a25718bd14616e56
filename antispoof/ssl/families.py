"""Which upstreams of s3prl there are, what a config may say of each, and whose form a file has.

The list itself is families.yaml, next to this module.
"""

import dataclasses
import difflib
import fnmatch
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import read_yaml
from ..config.keys import Key, Number, one_of
from ..errors import UserError

_SECONDS = Number(1.0, above=0, most=600)
_YAML = Key("")  # the name of a file
OPTIONS: dict[str, Key] = {
    "feature_selection": Key(""),
    "hop_secs": _SECONDS,
    "model_config": _YAML,
    "options_config": _YAML,
    "postprocess": Key(True),
    "refresh": Key(False),  # of every name that downloads
    "stride_secs": _SECONDS,
    "window_secs": _SECONDS,
}
SELECTIONS = {
    "wav2vec2": ("fairseq_layers", "fairseq_layers_before_residual"),
    "ast": ("cls", "hidden_states"),
}
FILES = ("model_config", "options_config")
# form of a file: what it holds, from its outermost key inwards
MARKS = {
    "apc": ("config", "model", "paras", "num_layers"),
    "npc": ("config", "model", "paras", "n_blocks"),
    "mockingjay": ("Transformer",),
    "distiller": ("Distiller",),
    "cpc": ("weights", "gEncoder.conv0.weight"),
    "mae_ast": ("cfg", "model", "ast_kernel_size_chan"),
    "lighthubert": ("cfg", "model", "_name"),
    "wav2vec": ("model_cfg", "conv_aggregator_layers"),
    "multires_hubert": ("model_cfg", "label_rate_ratios"),
    "hubert": ("dictionaries_symbols",),
    "data2vec": ("model_weight", "_ema"),
    "wav2vec2": ("model_weight", "mask_emb"),
    "wavlm": ("cfg", "encoder_layers"),
    "ssast": ("module.p_input_fdim",),
    "ast": ("module.mlp_head.1.weight",),
    "decoar": ("model", "forward_lstm.weight_ih_l0"),
    "decoar2": ("model", "encoder.layers.0.self_attn.k_proj.weight"),
}


@dataclasses.dataclass(frozen=True)
class Family:
    """One part of s3prl's hub; families.yaml says what each field means."""

    title: str
    package: str
    names: str
    hop: int
    licence: str
    local: tuple = ()
    form: str = ""
    options: tuple = ()
    transformer: bool = False
    needs: str = ""
    refused: str = ""
    remark: str = ""
    licence_from: str = ""
    own: bool = False


PUBLISHED: dict[str, str] = {}  # name of s3prl's -> SHA-256 of the one file that it downloads


def _family(package, row):
    PUBLISHED.update(row.pop("sha256", {}))
    lists = {key: tuple(row.get(key, ())) for key in ("local", "options")}
    return Family(package=package, **{**row, **lists})


_LIST = read_yaml(Path(__file__).with_name("families.yaml"))
_ALL = [_family(package, row) for package, row in _LIST.items()]
FAMILIES = tuple(family for family in _ALL if not family.own)
OWN_FAMILIES = tuple(family for family in _ALL if family.own)
BY_PACKAGE = {family.package: family for family in FAMILIES}
BY_LOCAL = {name: family for family in FAMILIES for name in family.local}
TRANSFORMERS = tuple(family.package for family in FAMILIES if family.transformer)


def check_name(path: str | Path, name: str, checkpoint: str) -> None:
    """Raise UserError where `name` says another upstream than `checkpoint`, or no file for it."""
    if checkpoint and name not in BY_LOCAL:
        (near,) = difflib.get_close_matches(name, BY_LOCAL, 1, 0.0)
        raise UserError(
            f"{path}: 'name' is '{name}', but what runs is 'checkpoint: {checkpoint}'; wanted a "
            f"name of docs/upstreams.md that takes one, as '{near}', or no checkpoint"
        )
    if name.endswith(("_local", "_custom")) and name in BY_LOCAL and not checkpoint:
        raise UserError(f"{path}: 'name: {name}' needs a 'checkpoint', a file in s3prl's form")


def family_named(name: str) -> Family | None:
    """The family that has a name of s3prl's hub; None where it is in no list."""
    if name in BY_LOCAL:
        return BY_LOCAL[name]
    for family in FAMILIES:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in family.names.split(", ")):
            return family
    return None


def check_options(path: str | Path, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` as s3prl takes them. Raises UserError for one that the upstream `name` lacks."""
    family, checked = family_named(name), {}
    known = (*family.options, "refresh") if family else ()
    for key, value in options.items():
        one_of(path, "options", key, known or ("none",))
        checked[key] = OPTIONS[key].check(value, path, f"options.{key}")
        if family and key == "feature_selection":
            one_of(path, f"options.{key}", value, SELECTIONS[family.package])
    return checked


def form_of(checkpoint: Any) -> str:
    """Which of MARKS a checkpoint has; "" for none."""
    for form, mark in MARKS.items():
        inner = checkpoint
        for key in mark:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        if inner is not None:
            return form
    return ""


@functools.cache
def local_of(form: str) -> str:
    """The first name that reads files of `form`."""
    return next(family.local[0] for family in FAMILIES if family.form == form)
