"""Configs: one YAML file per experiment that names departures from the defaults below.

An unknown key is refused with the nearest known one; a value of another type is refused too.
"""

import contextlib
import difflib

import yaml

from .errors import UserError
from .files import atomic_open

# What an experiment can say. A value that is None may be of any type; the keys of `model_conf` are
# the arguments of the model's __init__, where their defaults live.
EXPERIMENT = {
    "feats": "cached",  # wave: the model takes waveforms; cached: arks of stage 2; ssl: the
    # upstream runs in the training loop, on waveforms
    "upstream": "",  # cached, ssl: name of conf/upstream/<name>.yaml
    "layers": [0],  # cached, ssl: which layers the model reads
    "finetune": {  # ssl: how the upstream learns
        "layers": "none",  # none, all, or transformer layers from 0: a list, or 12..23
        "lr": 1e-6,  # of the upstream; the model has that of optimizer_conf
        "feature_grad_mult": 1.0,  # all: scales the gradient of the convolutions; 0: frozen
        "layer_drop": 0.0,  # how often a trained layer is left out in training
        "checkpointing": False,  # store less of each layer for backward, compute it twice
    },
    "allow": [],  # wave, ssl: what may be done to a sound that is not mono at 16 kHz:
    # resample, mixdown
    "augment": [],  # wave, ssl: a chain of antispoof.augment for training, before the crop
    "model": "",  # a name in antispoof.models.MODELS
    "model_conf": {},
    "crop": {
        "train": "random",  # first, centre, random or full
        "test": "centre",  # or windows, half of each in the next: an utterance has their mean score
        "seconds": 4.0,
        "pad": "zero",  # zero (and the padding counts as signal), tile, or none (masked)
    },
    "epochs": 10,
    "batch_size": 32,  # utterances of one step, over all processes
    "accumulate": 1,  # in how many parts, one after the other, a step computes its batch
    "optimizer": "adamw",  # adam, adamw or sgd
    "optimizer_conf": {"lr": 1e-3, "weight_decay": 0.01, "momentum": 0.0},  # momentum: sgd alone
    "schedule": "constant",  # constant, cosine or step
    "schedule_conf": {
        "warmup": 0.0,  # epochs in which the rate rises
        "every": 10,  # step: after so many epochs
        "gamma": 0.5,  # step: the rate is multiplied by this
        "least": 0.0,  # cosine: what it falls to, as a share of the rate
    },
    "loss": "cross_entropy",  # bce, focal, am_softmax or oc_softmax: see antispoof.models.losses
    "loss_conf": {},  # its arguments, whose defaults live there
    "class_weights": [1.0, 1.0],  # of the loss, in the order (spoof, bonafide)
    "balanced": False,  # draw both classes equally often
    "grad_clip": 1.0,  # largest gradient norm; 0: none
    "autocast": "none",  # on a GPU: none, bf16 or fp16
    "tf32": False,  # on a GPU: float32 products with 10 bits of mantissa, faster
    "select": {  # which model is kept
        "metric": "dev_eer",  # dev_eer, dev_min_dcf, dev_cllr, dev_loss or train_loss
        "patience": 0,  # epochs without a better one, then training stops; 0: all are run
        "keep": "best",  # best, last, or the mean of some: average_best, average_last
        "average": 5,  # of how many epochs a mean is taken
        "ema": 0.0,  # decay of a moving average of the weights, which is judged and kept; 0: none
    },
    "stages": [],  # one after the other, from what the one before chose: each names what it changes
    # of the keys antispoof.training.stages.STAGE_KEYS
    "init_from": "",  # exp/<name>, whose best.pt training starts from; {seed} stands for the seed
}
# What an upstream can say.
UPSTREAM = {
    "name": "",  # s3prl's name of it; <family>_local with a checkpoint
    "checkpoint": "",  # a file in s3prl's form; empty: what s3prl downloads for the name
    "layers": "last",  # last, all, or a list of indices into s3prl's hidden_states
    "waveform_norm": "as_trained",  # true, false, or what the checkpoint says
    "final_norm": "after",  # before or after the encoder's last LayerNorm
    "frames": "fairseq",  # fairseq's count (201 for 64,600 samples), or s3prl's (202)
    "window": {
        "policy": "full",  # full, first, centre or random
        "samples": 64600,
        "pad": "tile",  # what a shorter utterance gets: tile, zero or none
    },
    "allow": [],  # what may be done to a sound that is not mono at 16 kHz: resample, mixdown
    "copies": {  # of training sets, to train on beside the original: each epoch draws one of them
        "count": 0,
        "augment": [],  # a chain of antispoof.augment; (copy, utterance) decide its draws
    },
    "dtype": "two_byte",  # float32, two_byte or one_byte: how Kaldi stores it
    "autocast": "none",  # on a GPU: none, bf16 or fp16
    "tolerance": 0.0,  # largest difference from float32 that autocast may bring, at unit scale
}
SHOWN = 20  # choices beyond which an error names the nearest alone


def load_config(path, defaults, overrides=()):
    """Read the YAML file `path` over `defaults`, then apply `key.sub=value` overrides.

    Returns a new nested dict with every key of `defaults`. Raises UserError for an unknown key
    (naming the nearest), a value of another type, or text that is not YAML.
    """
    given = read_yaml(path)
    for override in overrides:
        _apply_override(given, override)
    return merge(defaults, given, path)


def read_yaml(path):
    """The keys and values in the YAML file `path`. Raises UserError."""
    try:
        with open(path, encoding="utf-8") as stream:
            given = yaml.safe_load(stream)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict):
        raise UserError(f"{path}: wanted lines of `key: value`")
    return given


def merge(defaults, given, path):
    """`given` over `defaults`, checked as `load_config` says; `path` is for errors."""
    return _merge(defaults, given, str(path), "")


def _apply_override(given, override):
    key, equals, value = override.partition("=")
    if not equals:
        raise UserError(f"--set {override}: wanted KEY=VALUE")
    *parents, last = key.split(".")
    for parent in parents:
        given = given.setdefault(parent, {})
        if not isinstance(given, dict):
            raise UserError(f"--set {override}: '{parent}' holds no keys")
    try:
        given[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: is not YAML: {' '.join(str(error).split())}") from None


def _merge(defaults, given, path, prefix):
    merged = {}
    for key in given:
        if key not in defaults:
            near = difflib.get_close_matches(str(key), defaults, 1, 0.0)
            raise UserError(
                f"{path}: unknown key '{prefix}{key}', did you mean '{prefix}{near[0]}'?"
            )
    for key, default in defaults.items():
        value = _number(default, given.get(key, default))
        if isinstance(default, dict) and default:
            if not isinstance(value, dict):
                raise UserError(
                    f"{path}: '{prefix}{key}' is {value!r}, wanted keys {list(default)}"
                )
            value = _merge(default, value, path, f"{prefix}{key}.")
        elif not _same_type(default, value):
            raise UserError(
                f"{path}: '{prefix}{key}' is {value!r}, wanted {type(default).__name__}"
            )
        merged[key] = type(default)(value) if isinstance(default, (int, float)) else value
    return merged


def _number(default, value):
    """YAML reads 1e-3, which has no dot, as text; where a number is wanted it is one."""
    if isinstance(default, float) and isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _same_type(default, value):
    if default == "as_trained":  # or a choice
        return value == default or isinstance(value, bool)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    if default == "last":  # the layers of an upstream: a word or a list
        return value in ("last", "all") or isinstance(value, list)
    if default == "none":  # the layers that learn: a word, a range or a list
        return isinstance(value, (str, list))
    return isinstance(value, type(default))


def one_of(path, key, value, allowed):
    """Raise UserError unless `value` is one of `allowed`; names the nearest."""
    if value not in allowed:
        near = difflib.get_close_matches(str(value), [str(a) for a in allowed], 1, 0.0)
        hint = f", did you mean '{near[0]}'?" if near else ""
        wanted = f"one of {', '.join(allowed)}" if len(allowed) <= SHOWN else "a known one"
        raise UserError(f"{path}: '{key}' is '{value}', wanted {wanted}{hint}")


def some_of(path, key, values, allowed):
    """Raise UserError unless each of the list `values` is one of `allowed`."""
    for value in values:
        one_of(path, key, value, allowed)


def write_config(path, config):
    """Write `config` as YAML, atomically, keys in their order."""
    with atomic_open(path) as stream:
        yaml.safe_dump(config, stream, sort_keys=False, allow_unicode=True)
