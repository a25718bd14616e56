"""From a name of s3prl's hub to a model, with what it downloads read safely."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from ..errors import UserError
from ..paths import find
from . import distillmos, distillmos_file, load_local, whisper, whisper_file
from .families import BY_LOCAL
from .foreign import build_foreign, call, download, working_family
from .packages import Member, weights_in_package
from .s3prl import find_upstream
from .weights import Weights


class Own(NamedTuple):
    """An upstream that s3prl does not have."""

    load: Callable[[Path], nn.Module]  # reads the weights
    weights: Member  # where they are fetched from
    frame_count: Callable[[int], int]  # samples -> frames


OWN = {
    "distillmos": Own(
        distillmos_file.load, distillmos_file.WEIGHTS, distillmos.DistillMos.frame_count
    ),
    "whisper_tiny_en": Own(
        whisper_file.load, whisper_file.WEIGHTS, whisper.WhisperEncoder.frame_count
    ),
}


class _Wanted(UserError):
    """Carries the address that an upstream would download."""


def make_upstream(
    name: str,
    checkpoint: str = "",
    options: Mapping[str, Any] = MappingProxyType({}),
    weights: Weights | None = None,
) -> nn.Module:
    """The s3prl upstream `name`, from the file `checkpoint` or else s3prl's own download.

    What is downloaded is read by `antispoof.ssl`, not by s3prl, which would run what it
    holds. options: arguments of s3prl's; weights: takes each file before it is read. Raises
    UserError, with the command that fetches it, where it cannot be had, and where a file is another
    one than is stated.
    """
    take = weights.take if weights else Path
    if name in OWN:
        place = find(checkpoint) if checkpoint else weights_in_package(OWN[name].weights)
        return OWN[name].load(take(place))
    if checkpoint and (name not in BY_LOCAL or BY_LOCAL[name].transformer):
        return load_local(take(find(checkpoint)), options)
    function = find_upstream(name)
    family = working_family(function, name)
    if not family.transformer:
        return build_foreign(function, family, name, checkpoint, options, take)
    place = take(_downloaded(function, name, options))
    return load_local(place, {key: options[key] for key in options if key != "refresh"})


def _downloaded(function, name, options):
    """Where the one file is that the hub's `function` reads."""
    module: Any = sys.modules[function.__module__]
    original = module._urls_to_filepaths

    def stop(*addresses, **_options):
        raise _Wanted(addresses[0])

    module._urls_to_filepaths = stop
    try:
        return call(function, name, "", {})
    except _Wanted as wanted:
        address = str(wanted)
    finally:
        module._urls_to_filepaths = original
    return download(original, address, name, options.get("refresh", False))
