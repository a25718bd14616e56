"""Upstreams of s3prl outside the transformers: built by s3prl's code from what we read."""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from ..errors import UserError
from ..paths import find
from ..torch_utils.checkpoint import first_line
from .families import BY_PACKAGE, FILES, Family, form_of, local_of
from .guard import PACKAGE, guarded, read_inert
from .s3prl import import_timm

LEAST_READ = (
    0.9  # of the numbers of a model, which its file is to hold; s3prl lets others be random
)
_DOWNLOADS = ("_urls_to_filepaths", "urls_to_filepaths")
_PLACES = {  # import: what s3prl needs of it
    "timm": "pip install --no-deps timm==0.4.5",
    "espnet2": "espnet",
    "pase": "that of github.com/santi-pdp/pase",
}


def lacking(family: Family) -> str:
    """What a family of s3prl's needs and is not installed, as a sentence; "" where all is there."""
    package, _, wanted = family.needs.partition("==")
    if not package:
        return ""
    if importlib.util.find_spec(package) is None:
        place = _PLACES[package]
        return f"s3prl imports the package {package} ({place}), which is not installed"
    if not wanted:
        return ""
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found = "one of no known version"
    if found == wanted:
        return ""
    place = _PLACES[package]
    return f"s3prl works with the package {package} {wanted} alone ({place}), and found {found}"


def working_family(function: Callable[..., Any], name: str) -> Family:
    """The family of a function of s3prl's hub.

    Raises UserError where it cannot work here, before anything is downloaded.
    """
    parts = function.__module__.split(".")
    family = BY_PACKAGE.get(parts[2]) if parts[:2] == ["s3prl", "upstream"] else None
    if family is None or family.refused:
        why = family.refused if family else "it is none of s3prl's upstreams"
        raise UserError(f"upstream {name}: cannot be a front end: {why}; name another upstream")
    if reason := lacking(family):
        raise UserError(f"upstream {name}: {reason}; install it, or name another upstream")
    if family.needs.startswith("timm"):
        import_timm()
    return family


def build_foreign(
    function: Callable[..., nn.Module],
    family: Family,
    name: str,
    checkpoint: str,
    options: Mapping[str, Any],
    take: Callable[[Any], Any],
) -> nn.Module:
    """What the hub's `function` makes of `checkpoint`, or of its download. Raises UserError.

    `take` is given each file before it is read.
    """
    arguments = {key: str(find(value)) if key in FILES else value for key, value in options.items()}
    refresh = arguments.pop("refresh", False)
    place = find(checkpoint) if checkpoint else None
    known = {}
    if place is not None:
        take(place)
    if place is not None and place.is_file():
        known[str(place)] = read_inert(place)
        _require_form(known[str(place)], family, name, place)
    if place is not None and name.endswith(("_local", "_custom")):
        arguments["ckpt"] = str(place)
    files = _files_from(place, name, refresh, take)
    with files, guarded(known) as read, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = call(function, name, checkpoint, arguments)
    if read:
        _require_read(model, read, name, checkpoint)
    return model


def call(
    function: Callable[..., Any], name: str, checkpoint: str, arguments: Mapping[str, Any]
) -> Any:
    """function(**arguments), with what it lacks in one line."""
    try:
        return function(**arguments)
    except TypeError as error:  # s3prl passes arguments on: their names show when one is missing
        if checkpoint:
            raise _misfit(checkpoint, name, error) from None
        raise UserError(
            f"upstream {name}: needs arguments of its own ({first_line(error)}); wanted the name "
            "of one model, or <family>_local and a 'checkpoint', or 'options'"
        ) from None
    except UserError as error:
        if not checkpoint or checkpoint in str(error):
            raise
        raise UserError(f"{checkpoint}: {error}") from None
    except (Exception, SystemExit) as error:  # a package or a file that is not here, and the like
        if checkpoint:
            raise _misfit(checkpoint, name, error) from None
        raise UserError(
            f"upstream {name}: cannot be built ({type(error).__name__}: "
            f"{first_line(error)[:200]}); name another upstream"
        ) from None


def download(fetch: Callable[..., str], address: str, name: str, refresh: bool = False) -> str:
    """Where s3prl's `fetch` puts what it downloads from `address`. Raises UserError."""
    place = fetch(address, download=False)
    try:
        return fetch(address, **({"refresh": True} if refresh else {}))
    except (OSError, URLError, KeyError, ValueError) as error:  # s3prl lets many kinds through
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise UserError(
            f"upstream {name}: its checkpoint is not here and cannot be fetched ({reason}); where "
            f"there is a network: curl -L --create-dirs -o {place} {address}"
        ) from None


@contextlib.contextmanager
def _files_from(place, name, refresh, take):
    """Inside, what s3prl would download is `place`, if any: a file, or a folder of files."""

    def fetch(*addresses, refresh=refresh, **_options):
        if place is None:
            found = [download(original, address, name, refresh) for address in addresses]
            for path in found:
                take(path)
        elif place.is_dir():
            found = [str(find(place / file_of(address))) for address in addresses]
        elif len(addresses) == 1:
            found = [str(place)]
        else:
            raise UserError(
                f"{place}: is one file, wanted a folder of {', '.join(map(file_of, addresses))}"
            )
        return found if len(found) > 1 else found[0]

    replaced = []
    for module in [m for n, m in list(sys.modules.items()) if n.startswith(PACKAGE)]:
        for attribute in [a for a in _DOWNLOADS if a in vars(module)]:
            replaced.append((module, attribute, getattr(module, attribute)))
    original = importlib.import_module("s3prl.util.download").urls_to_filepaths
    for module, attribute, _ in replaced:
        setattr(module, attribute, fetch)
    try:
        yield
    finally:
        for module, attribute, function in replaced:
            setattr(module, attribute, function)


def file_of(address: str) -> str:
    """The name of the file at `address`, without what follows a question mark."""
    return PurePosixPath(address.partition("?")[0]).name


def _require_form(checkpoint, family, name, path):
    """Raise UserError where a file is of another family than the config's `name`."""
    found = form_of(checkpoint)
    if found and found != family.form:
        raise UserError(
            f"{path}: is not of the family that 'name: {name}' says; wanted "
            f"'name: {local_of(found)}'"
        )
    if family.form and not found:
        kind = ", ".join(sorted(map(str, checkpoint)))[:200] if hasattr(checkpoint, "keys") else ""
        raise UserError(
            f"{path}: holds {kind or type(checkpoint).__name__}, wanted a checkpoint of s3prl's "
            f"{family.title}"
        )


def _require_read(model, read, name, checkpoint):
    """Raise UserError where a model's numbers are not those of the files that were read.

    s3prl loads some families without asking whether anything is missing, which then stays random.
    """
    known = {_print_of(tensor) for tensor in _tensors(read)}
    sizes = [(p.numel(), _print_of(p) in known) for p in model.parameters()]
    count, held = sum(n for n, _ in sizes), sum(n for n, there in sizes if there)
    if held < LEAST_READ * count:
        raise UserError(
            f"{checkpoint or f'upstream {name}'}: holds {held} of the model's {count} numbers, "
            f"wanted {LEAST_READ:.0%} or more; the rest would be random. It is of another model"
        )


def _tensors(value):
    """Every tensor in dicts and lists, however deep."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for item in value:
            yield from _tensors(item)


def _print_of(tensor):
    """Shape and CRC-32 of a tensor's numbers in float32."""
    data = tensor.detach().cpu().to(torch.float32).contiguous().numpy()
    return tuple(data.shape), zlib.crc32(data.data)


def _misfit(checkpoint, name, error):
    """The UserError of a file that s3prl's code cannot use."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return UserError(f"{checkpoint}: its config or weights are not those of '{name}' ({reason})")
