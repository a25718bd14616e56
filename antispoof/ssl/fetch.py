"""From a name of s3prl's hub to a model, with what it downloads read safely."""

import sys
from typing import Any
from urllib.error import URLError

from torch import nn

from ..errors import UserError
from ..paths import find
from ..torch_utils.checkpoint import first_line
from . import distillmos_file, load_local
from .packages import weights_in_package
from .s3prl import find_upstream

# What s3prl does not have. name: (what reads its weights, where they are fetched from)
OWN = {"distillmos": (distillmos_file.load, distillmos_file.WEIGHTS)}


class _Wanted(Exception):
    """Carries the address that an upstream would download."""


def make_upstream(name: str, checkpoint: str = "") -> nn.Module:
    """The s3prl upstream `name`, from the file `checkpoint` or else s3prl's own download.

    What is downloaded is read by `antispoof.ssl`, not by s3prl, which would run what it
    holds. Raises UserError, with the command that fetches it, where it cannot be had.
    """
    if checkpoint:
        return load_local(find(checkpoint))
    if name in OWN:
        load, weights = OWN[name]
        return load(weights_in_package(weights))
    function = find_upstream(name)
    module: Any = sys.modules[function.__module__]
    original = getattr(module, "_urls_to_filepaths", None)
    if original is None:
        return _call(function, name)

    def stop(*addresses, **_options):
        raise _Wanted(*addresses)

    module._urls_to_filepaths = stop
    try:
        return _call(function, name)
    except _Wanted as wanted:
        addresses = wanted.args
    finally:
        module._urls_to_filepaths = original
    if len(addresses) != 1:
        raise UserError(
            f"upstream {name}: found {len(addresses)} files to fetch, wanted one in s3prl's form; "
            "name another upstream"
        )
    return load_local(_download(original, addresses[0], name))


def _call(function, name):
    """function(), with what it lacks in one line."""
    try:
        return function()
    except TypeError as error:  # s3prl passes arguments on: their names show when one is missing
        raise UserError(
            f"upstream {name}: needs arguments of its own ({first_line(error)}); wanted the name "
            "of one model, or <family>_local and a 'checkpoint'"
        ) from None
    except (UserError, _Wanted):
        raise
    except Exception as error:  # a package or a file of its own that is not here, and the like
        raise UserError(
            f"upstream {name}: cannot be built ({type(error).__name__}: "
            f"{first_line(error)[:200]}); name another upstream"
        ) from None


def _download(download, address, name):
    place = download(address, download=False)
    try:
        return download(address)
    except (OSError, URLError, KeyError, ValueError) as error:  # s3prl lets many kinds through
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise UserError(
            f"upstream {name}: its checkpoint is not here and cannot be fetched ({reason}); where "
            f"there is a network: curl -L --create-dirs -o {place} {address}"
        ) from None
