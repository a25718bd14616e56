"""Checkpoints in the form that s3prl's `<family>_local` upstreams read, and those upstreams.

The form: for wav2vec2, hubert and data2vec a dict of `task_cfg`, `model_cfg` and `model_weight`
(hubert: and `dictionaries_symbols`; data2vec: with an entry `_ema` among the weights, which s3prl
deletes); for wavlm a dict of `cfg` and `model`.

s3prl itself reads them with a bare torch.load, and runs the text `conv_feature_layers` as code.
Here the file is read by torch.load(weights_only=True), that text by a parser that knows only lists
of integers, and s3prl is then given the dict instead of the file.
"""

import contextlib
import dataclasses
import importlib
import types
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from types import MappingProxyType
from typing import Any

import torch

from ..errors import UserError
from ..torch_utils.bounded import Bounded, numbers_in
from ..torch_utils.checkpoint import MISFITS, first_line, refusal
from ..torch_utils.tensors import SUFFIX, load_tensors
from .guard import read_numbers
from .s3prl import find_upstream

FAMILIES = ("wav2vec2", "hubert", "wavlm", "data2vec")
_READER = {"wavlm": "expert"}  # the module of s3prl that calls torch.load; else `convert`


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a user needs to know of a checkpoint before using it."""

    family: str
    parameters: int  # of the model that s3prl builds, pre-training heads included
    layers: int
    dim: int
    normalize: bool  # the waveform is brought to mean 0 and variance 1 first
    final_norm: bool  # the encoder ends in a LayerNorm of its own (pre-norm models)
    dtypes: tuple  # of the stored weights; s3prl computes in float32 whatever they are


def load_local(
    path: str | Path, options: Mapping[str, Any] = MappingProxyType({})
) -> torch.nn.Module:
    """The s3prl upstream in the file `path`, in eval mode, on the CPU.

    It is called with a list of (S,) waveforms and returns a dict with `hidden_states`. Nothing in
    the file can run code. Raises UserError where the file is not such a checkpoint.
    """
    return build(read_local(path), path, options)


def read_local(path: str | Path) -> dict[str, Any]:
    """The dict in the file `path`, checked: known family, harmless convolution text."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; tools/convert_checkpoint.py makes one")
    try:
        checkpoint = load_tensors(path) if path.suffix == SUFFIX else _loaded(path)
    except UserError:
        raise
    except UnpicklingError as error:
        raise UserError(f"{path}: {refusal(error)}") from None
    except Exception as error:  # whatever a damaged or hostile file provokes in the reader
        raise UserError(
            f"{path}: not a checkpoint in s3prl's form ({first_line(error)[:120]}); "
            "convert it with tools/convert_checkpoint.py"
        ) from None
    family = family_of(checkpoint, path)
    config = config_of(checkpoint, family)
    config["conv_feature_layers"] = str(read_conv_layers(config.get("conv_feature_layers"), path))
    return checkpoint


def _loaded(path):
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def build(
    checkpoint: dict[str, Any],
    path: str | Path,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> torch.nn.Module:
    """The s3prl upstream of a dict in s3prl's form; `path` is for messages."""
    family = family_of(checkpoint, path)
    if family == "data2vec":
        checkpoint["model_weight"].setdefault("_ema", {})  # s3prl deletes it, there or not
    find_upstream(f"{family}_local")  # s3prl cannot be imported before its stand-ins
    expert = importlib.import_module(f"s3prl.upstream.{family}.expert")
    reader = importlib.import_module(f"s3prl.upstream.{family}.{_READER.get(family, 'convert')}")
    stored = numbers_in(checkpoint)
    bound = Bounded(
        stored, f"{path}: its config asks for far more numbers than the {stored} that it holds"
    )
    try:
        with bound, _given(reader, checkpoint), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what s3prl uses that PyTorch will drop
            return expert.UpstreamExpert(str(path), **options).eval()
    except RuntimeError as error:  # load_state_dict: missing, unexpected, of another shape
        raise UserError(
            f"{path}: its weights are not those of s3prl's {family}: {_one_line(error)}"
        ) from None
    except (*MISFITS, AssertionError, ArithmeticError) as error:
        raise UserError(
            f"{path}: its config is not one of s3prl's {family}: {_one_line(error)}"
        ) from None


@contextlib.contextmanager
def _given(reader, checkpoint):
    """Inside, s3prl's module `reader` gets `checkpoint` from torch.load; it calls nothing else."""
    reader.torch = types.SimpleNamespace(load=lambda *_args, **_kwargs: checkpoint)
    try:
        yield
    finally:
        reader.torch = torch


def family_of(checkpoint: Any, path: str | Path) -> str:
    """Which of FAMILIES a dict in s3prl's form belongs to. Raises UserError."""
    keys = set(checkpoint) if isinstance(checkpoint, dict) else set()
    dicts = {key for key in keys if isinstance(checkpoint[key], dict)}
    if {"task_cfg", "model_cfg", "model_weight"} <= dicts:
        if "dictionaries_symbols" in keys:
            return "hubert"
        return "data2vec" if "_ema" in checkpoint["model_weight"] else "wav2vec2"
    if {"cfg", "model"} <= dicts and "encoder_layers" in checkpoint["cfg"]:
        return "wavlm"
    names = ", ".join(sorted(map(str, keys)))[:200]
    raise UserError(
        f"{path}: not a checkpoint in s3prl's form (it holds {names}); "
        "convert it with tools/convert_checkpoint.py"
    )


def config_of(checkpoint: dict[str, Any], family: str) -> dict[str, Any]:
    """The dict of the model's settings inside a checkpoint in s3prl's form."""
    return checkpoint["cfg" if family == "wavlm" else "model_cfg"]


def weights_of(checkpoint: dict[str, Any], family: str) -> dict[str, torch.Tensor]:
    """{name: tensor} inside a checkpoint in s3prl's form; data2vec's teacher left out."""
    weights = checkpoint["model" if family == "wavlm" else "model_weight"]
    return {name: tensor for name, tensor in weights.items() if name != "_ema"}


def summarise(checkpoint: dict[str, Any], path: str | Path) -> Summary:
    """The Summary of a dict in s3prl's form."""
    family = family_of(checkpoint, path)
    config, weights = config_of(checkpoint, family), weights_of(checkpoint, family)
    task = config if family == "wavlm" else checkpoint["task_cfg"]
    return Summary(
        family=family,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        layers=config.get("encoder_layers", 12),
        dim=config.get("encoder_embed_dim", 768),
        normalize=bool(task.get("normalize", False)),
        final_norm=bool(config.get("layer_norm_first", False)),
        dtypes=tuple(sorted({str(t.dtype).removeprefix("torch.") for t in weights.values()})),
    )


def read_conv_layers(text: object, path: str | Path) -> list[tuple[int, int, int]]:
    """'[(512, 10, 5)] + [(512, 3, 2)] * 4' -> [(512, 10, 5), ...]: channels, kernel, stride.

    None stands for the seven layers of every published model. Raises UserError for any other
    expression: s3prl would run it.
    """
    if text is None:
        text = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2"
    try:
        layers = [tuple(layer) for layer in read_numbers(str(text))]
        if not all(len(layer) == 3 and min(layer) > 0 for layer in layers) or not layers:
            raise ValueError("not triples")
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise UserError(
            f"{path}: conv_feature_layers is {str(text)[:80]!r}, wanted a list of "
            "(channels, kernel, stride); it was not run. Do not use this file"
        ) from None
    return layers


def _one_line(error):
    return " ".join(str(error).split())[:400]
