"""Configs: one YAML file per experiment that names departures from the defaults below.

Next to each default stands what else the key may say (`.keys`). An unknown key is refused
with the nearest known one; a value of another type, choice or range is refused too.
"""

import copy
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .. import CONVERSIONS, LABELS
from ..errors import UserError
from ..files import atomic_open
from .files import apply_override, files_of, named_by, read_config, read_yaml
from .keys import (
    Choice,
    Free,
    Key,
    Layers,
    Metric,
    Names,
    Number,
    Template,
    Weights,
    Whole,
    Words,
    one_of,
    refuse,
    some_of,
)
from .names import LOSSES, METHODS
from .renamed import RENAMED, renewed

__all__ = [
    "EXPERIMENT",
    "EXPERIMENT_KEYS",
    "KEEPS",
    "METRICS",
    "SEED",
    "UPSTREAM",
    "UPSTREAM_KEYS",
    "files_of",
    "load_config",
    "load_written",
    "merge",
    "named_by",
    "one_of",
    "read_yaml",
    "some_of",
    "write_config",
]
CROPS, AUTOCAST = ("first", "centre", "random", "full"), ("none", "bf16", "fp16")
METRICS = ("dev_eer", "dev_min_dcf", "dev_cllr", "dev_loss", "train_loss")
OF_SOURCES, OF_FRAMES = ("dev_f1_error",), ("dev_segment_eer",)  # with `trace`, of frames alone
KEEPS = ("best", "last", "average_best", "average_last")
SECONDS = 600  # of the longest crop
SEED = Whole(0, most=2**47 - 1)  # torch takes 64 bits of (seed times 100,003, and an epoch)
# What an experiment can say. The keys of `model_conf` and `loss_conf` are arguments of the model's
# __init__ and of the loss, where their defaults stand.
EXPERIMENT_KEYS = {
    # wave: the model takes waveforms; cached: arks of stage 2; ssl: the upstream runs in the
    # training loop, on waveforms
    "feats": Choice("cached", ("wave", "cached", "ssl")),
    "upstream": Key(""),  # cached, ssl: name of conf/upstream/<name>.yaml
    "layers": Layers([0]),  # cached, ssl: which layers the model reads
    "finetune": {  # ssl: how the upstream learns
        "layers": Layers(
            "none",
            ("none", "all"),
            once=True,
            wanted="none, all, a list of transformer layers from 0, or a range like 12..23",
        ),
        # full: these layers themselves; or what is added to them: see antispoof.ssl.tuning
        "method": Choice("full", METHODS),
        "method_conf": Free({}),
        "lr": Number(1e-6, above=0),  # of the upstream; the model has that of optimizer_conf
        # all: scales the gradient of the convolutions; 0: frozen
        "feature_grad_mult": Number(1.0, least=0),
        # how often a trained layer is left out in training
        "layer_drop": Number(0.0, least=0, below=1),
        "checkpointing": Key(False),  # store less of each layer for backward, compute it twice
    },
    "allow": Words([], CONVERSIONS),  # wave, ssl
    "augment": Free([]),  # wave, ssl: a chain of antispoof.augment for training, before the crop
    # attacks, by utt2attack, whose spoofs leave the training set and dev
    "without_attacks": Names([]),
    # source tracing in place of detection: the values of a table utt2<labels>, e.g. attack, that
    # the model tells apart; without classes, all of the training set
    "trace": {"labels": Key(""), "classes": Names([])},
    "model": Key(""),  # a name in antispoof.models.MODELS
    "model_conf": Free({}),
    "crop": {
        "train": Choice("random", CROPS),
        # windows: half of each in the next; an utterance has the mean of their scores
        "test": Choice("centre", (*CROPS, "windows")),
        "seconds": Number(4.0, above=0, most=SECONDS),
        # zero (and the padding counts as signal), tile, or none (masked)
        "pad": Choice("zero", ("zero", "tile", "none")),
    },
    "epochs": Whole(10, least=1, most=100_002),  # see antispoof.data.seeds
    "batch_size": Whole(32, least=1),  # utterances of one step, over all processes
    "accum_grad": Whole(1, least=1),  # in how many parts, one after the other, a step is computed
    "optimizer": Choice("adamw", ("adam", "adamw", "sgd")),
    "optimizer_conf": {
        "lr": Number(1e-3, least=0),
        "weight_decay": Number(0.01, least=0),
        "momentum": Number(0.0, least=0),  # sgd alone
    },
    "schedule": Choice("constant", ("constant", "cosine", "step")),
    "schedule_conf": {
        "warmup": Number(0.0, least=0),  # epochs in which the rate rises
        "every": Whole(10, least=1),  # step: after so many epochs
        "gamma": Number(0.5, above=0),  # step: the rate is multiplied by this
        "least": Number(0.0, least=0, most=1),  # cosine: what it falls to, a share of the rate
    },
    # see antispoof.losses.losses
    "loss": Choice("cross_entropy", LOSSES),
    "loss_conf": Free({}),
    "class_weights": Weights([1.0, 1.0], LABELS),  # of the loss
    "balanced": Key(False),  # draw both classes equally often
    # a step by the gradient uphill of the weights: see antispoof.training.sharpness
    "sharpness": {"rho": Number(0.0, least=0), "adaptive": Key(False)},  # 0: none
    "grad_clip": Number(1.0, least=0),  # largest gradient norm; 0: none
    "autocast": Choice("none", AUTOCAST),  # on a GPU
    "tf32": Key(False),  # on a GPU: float32 products with 10 bits of mantissa, faster
    "select": {  # which model is kept
        "metric": Metric("dev_eer", (*METRICS, *OF_SOURCES, *OF_FRAMES)),
        "patience": Whole(0),  # epochs without a better one, then training stops; 0: all are run
        # the mean of some: average_best, average_last
        "keep": Choice("best", KEEPS),
        "average": Whole(5, least=1),  # of how many epochs a mean is taken
        # decay of a moving average of the weights, which is judged and kept; 0: none
        "ema": Number(0.0, least=0, below=1),
    },
    # one after the other, from what the one before chose: each names what it changes of the keys
    # antispoof.training.phases.PHASE_KEYS
    "phases": Free([]),
    "init_from": Template(""),  # exp/<name>, whose best.pt training starts from
}
# What an upstream can say.
UPSTREAM_KEYS = {
    "name": Key(""),  # s3prl's name of it; <family>_local with a checkpoint
    "checkpoint": Key(""),  # a file in s3prl's form; empty: what s3prl downloads for the name
    "sha256": Key(""),  # of that file, or of the one that is downloaded; empty: any
    "options": Free({}),  # arguments of s3prl's for this name: see docs/upstreams.md
    # indices into s3prl's hidden_states
    "layers": Layers(
        "last", ("last", "all"), wanted="last, all, a list of numbers from 0, or a range like 1..24"
    ),
    # whether to, or what the checkpoint says
    "waveform_norm": Choice("as_trained", ("as_trained", True, False)),
    "final_norm": Choice("after", ("before", "after")),  # the encoder's last LayerNorm
    # fairseq's count (201 for 64,600 samples), or s3prl's (202)
    "frames": Choice("fairseq", ("fairseq", "s3prl")),
    "window": {
        "policy": Choice("full", ("full", "first", "centre", "random")),
        "samples": Whole(64600, least=1, most=SECONDS * 16000),
        "pad": Choice("tile", ("tile", "zero", "none")),  # what a shorter utterance gets
    },
    "allow": Words([], CONVERSIONS),
    "copies": {  # of training sets, to train on next to the original: each epoch draws one of them
        "count": Whole(0, most=1000),
        "augment": Free([]),  # a chain of antispoof.augment; (copy, utterance) decide its draws
    },
    # how Kaldi stores it
    "dtype": Choice("two_byte", ("float32", "two_byte", "one_byte")),
    "autocast": Choice("none", AUTOCAST),  # on a GPU
    # largest difference from float32 that autocast may bring, where the largest state is 1
    "tolerance": Number(0.0),
}


def defaults_of(keys: dict[str, Any]) -> dict[str, Any]:
    """{key: default} of a table of keys."""
    return {
        name: defaults_of(key) if isinstance(key, dict) else copy.deepcopy(key.default)
        for name, key in keys.items()
    }


EXPERIMENT, UPSTREAM = defaults_of(EXPERIMENT_KEYS), defaults_of(UPSTREAM_KEYS)


def load_config(
    path: str | Path, keys: dict[str, Any], overrides: Iterable[str] = ()
) -> dict[str, Any]:
    """Read the YAML file `path` over its `base` and the defaults of `keys`, then apply overrides.

    keys: {name: a `Key`, or a plain default of whose type a value must be, or such a dict}.
    Returns a new nested dict with every key. Raises UserError for an unknown key (naming the
    nearest), a value that its key refuses, or text that is not YAML.
    """
    return _load(keys, read_config(path), path, overrides)


def load_written(
    path: str | Path, keys: dict[str, Any], overrides: Iterable[str] = ()
) -> dict[str, Any]:
    """`load_config` of a config that an experiment holds, under old names or those of today."""
    return _load(keys, renewed(read_config(path)), path, overrides)


def _load(keys, given, path, overrides):
    for override in overrides:
        apply_override(given, override)
    return merge(keys, given, path)


def merge(keys: dict[str, Any], given: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """`given` over the defaults, checked as `load_config` says; `path` is for errors."""
    return _merge(keys, given, str(path), "")


def _merge(keys, given, path, prefix):
    merged = {}
    for name in given:
        if name not in keys:
            if RENAMED.get(name) in keys:
                raise UserError(f"{path}: '{prefix}{name}' is called '{RENAMED[name]}' now")
            near = difflib.get_close_matches(str(name), keys, 1, 0.0)
            raise UserError(
                f"{path}: unknown key '{prefix}{name}', did you mean '{prefix}{near[0]}'?"
            )
    for name, key in keys.items():
        if isinstance(key, dict) and key:
            value = given.get(name, {})
            if not isinstance(value, dict):
                refuse(path, f"{prefix}{name}", value, f"keys {list(key)}")
            merged[name] = _merge(key, value, path, f"{prefix}{name}.")
        elif name in given:
            merged[name] = _as_key(key).check(given[name], path, f"{prefix}{name}")
        else:
            merged[name] = copy.deepcopy(_as_key(key).default)
    return merged


def _as_key(key):
    if isinstance(key, Key):
        return key
    return Number(key) if isinstance(key, float) else Key(key)


def write_config(path: str | Path, config: dict[str, Any]) -> None:
    """Write `config` as YAML, atomically, keys in their order."""
    with atomic_open(path) as stream:
        yaml.safe_dump(config, stream, sort_keys=False, allow_unicode=True)
