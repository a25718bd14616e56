"""What s3prl reads while it builds an upstream runs nothing: no pickle, no YAML tag, no text.

s3prl calls torch.load without `weights_only`, yaml.load with tags, and `eval` on texts, of which
some stand in a checkpoint. Inside `guarded` the first two read inert things alone. `disarm` gives
s3prl's modules, for good, an `eval` of their own, which knows the three kinds of text that they
need: the path of a module in itself, a function of torchaudio's features, lists of numbers.
"""

import ast
import codecs
import contextlib
import importlib
import io
import re
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import yaml

from ..errors import UserError
from .pickles import StandIn, plain, read_pickled

PACKAGE = "s3prl."
_PATH = re.compile(r"self((\.[a-z]\w*|\[\d+\])+)")
_KALDI = re.compile(r"torchaudio\.compliance\.kaldi\.(fbank|mfcc|spectrogram)")
_MAX_TEXT, _MAX_LAYERS = 1000, 64  # of conv_feature_layers; real ones: 60 characters, 7 layers
_KINDS = ("float16", "float32", "float64", "int16", "int32", "int64", "uint8", "bool")


def read_inert(path: Any) -> Any:
    """The object in a file of torch.save: tensors, arrays, plain values, no instance of a class.

    Raises UserError for a file that is none, or that names what no checkpoint needs.
    """
    try:
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a name that it does not know, or a damaged file: the next one says which
        return _without_stand_ins(read_pickled(path, ("optimizers",)))  # s3prl's, of old files


@contextlib.contextmanager
def guarded(known: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Inside, whatever is read is inert; what s3prl prints is dropped.

    known: {path: object} that are there already. Yields the list of all that was read.
    """
    load, load_yaml, read = torch.load, yaml.load, []

    def load_inert(path, *args, **options):
        if options.get("weights_only"):
            return load(path, *args, **options)
        read.append(known[str(path)] if str(path) in known else read_inert(path))
        return read[-1]

    torch.load = load_inert
    yaml.load = lambda stream, *_args, **_options: load_yaml(stream, yaml.SafeLoader)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield read
    finally:
        torch.load, yaml.load = load, load_yaml


def disarm() -> None:
    """Give every module of s3prl's upstreams that is imported an `eval` that runs nothing.

    Those that list a family's names evaluate nothing, and the hub would take it for a name.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}upstream.") and not name.endswith(".hubconf"):
            vars(module)["eval"] = read_text


def read_text(text: str) -> Any:
    """What a text of s3prl's stands for; `self` is that of the caller. Raises UserError."""
    path = _PATH.fullmatch(str(text))
    if path:
        return _follow(sys._getframe(1).f_locals.get("self"), path[1])
    kaldi = _KALDI.fullmatch(str(text))
    if kaldi:
        from torchaudio.compliance import kaldi as functions

        return getattr(functions, kaldi[1])
    try:
        return read_numbers(str(text))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise UserError(
            f"s3prl would run the text {str(text)[:80]!r}, wanted lists of numbers; it was not "
            "run. Do not use this file"
        ) from None


def read_numbers(text: str) -> Any:
    """The lists of whole numbers that `text` writes down, `+` and `*` of lists included.

    Raises what `ast.parse` raises, or ValueError for any other expression.
    """
    if len(text) > _MAX_TEXT:
        raise ValueError("too long")
    return _literal(ast.parse(text.strip(), mode="eval").body)


def _literal(node):
    """The lists, tuples and integers that `node` writes down, `+` and `*` of lists included."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_literal(item) for item in node.elts]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        left, right = _literal(node.left), _literal(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            return left + right
        if isinstance(left, list) and type(right) is int and len(left) * right <= _MAX_LAYERS:
            return left * right
    raise ValueError("another expression")


def _follow(value, path):
    """`value.a.b[2]` of the text `.a.b[2]`."""
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        value = getattr(value, name) if name else value[int(index)]
    return value


def _harmless():
    """A namespace, and what arrays of numpy are pickled with, by the names of all its versions."""
    core = "numpy._core" if hasattr(np, "_core") else "numpy.core"  # of numpy 2, of numpy 1
    multiarray = importlib.import_module(f"{core}.multiarray")
    allowed: list[Any] = [np.ndarray, np.dtype, (codecs.encode, "_codecs.encode")]
    allowed.append((types.SimpleNamespace, "argparse.Namespace"))
    for place in ("numpy.core.multiarray", "numpy._core.multiarray"):
        for name in ("_reconstruct", "scalar"):
            allowed.append((getattr(multiarray, name), f"{place}.{name}"))
    return allowed + [type(np.dtype(kind)) for kind in _KINDS]


def _without_stand_ins(value):
    """Configs of other programs as dicts, and argparse's as namespaces; the rest is left."""
    if isinstance(value, StandIn):
        found = plain(value)
        named = value.qualified_name == "argparse.Namespace"
        return types.SimpleNamespace(**found) if named else found
    if isinstance(value, dict):
        return {key: _without_stand_ins(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_stand_ins(item) for item in value]
    return value
