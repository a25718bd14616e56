"""From a name of s3prl's hub to a model, with what it downloads read safely."""

import sys
from urllib.error import URLError

from ..errors import UserError
from ..paths import find
from . import load_local
from .s3prl import find_upstream


class _Wanted(Exception):
    """Carries the address that an upstream would download."""


def make_upstream(name, checkpoint=""):
    """The s3prl upstream `name`, from the file `checkpoint` or else s3prl's own download.

    What is downloaded is read by `antispoof.ssl`, not by s3prl, which would run what it
    holds. Raises UserError, with the command that fetches it, where it cannot be had.
    """
    if checkpoint:
        return load_local(find(checkpoint))
    function = find_upstream(name)
    module = sys.modules[function.__module__]
    original = getattr(module, "_urls_to_filepaths", None)
    if original is None:
        return function()

    def stop(address, **_options):
        raise _Wanted(address)

    module._urls_to_filepaths = stop
    try:
        return function()
    except _Wanted as wanted:
        address = wanted.args[0]
    finally:
        module._urls_to_filepaths = original
    return load_local(_download(original, address, name))


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
