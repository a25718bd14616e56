"""Packs on a hub of Hugging Face: fetched once, then read from its cache; put there by a token."""

import re
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..torch_utils.checkpoint import first_line

ADDRESS = "hf://"
FILE = "model.zip"  # the pack in its repository, next to the README.md of it
_FORM = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


def fetch(address: str) -> Path:
    """The pack of hf://USER/NAME or hf://USER/NAME@REVISION, in the cache of huggingface_hub.

    Without a network, what is in the cache is used. Raises UserError.
    """
    found = _FORM.fullmatch(address)
    if not found:
        raise UserError(f"{address}: wanted hf://USER/NAME, or hf://USER/NAME@REVISION")
    hub = _hub(address)
    try:
        return Path(hub.hf_hub_download(found[1], FILE, revision=found[2]))
    except Exception as error:  # whatever a network, a server or its cache comes up with
        raise _refusal(address, "cannot be fetched, and is not in the cache", error) from None


def upload(pack: str | Path, name: str, card: str, private: bool = False) -> str:
    """Put a pack into the repository `name`, USER/NAME, as one commit; returns its address.

    card: the text of README.md. The token is HF_TOKEN, or that of `hf auth login`.
    Raises UserError.
    """
    if not _FORM.fullmatch(f"{ADDRESS}{name}") or "@" in name:
        raise UserError(f"{name}: wanted USER/NAME, a repository of models")
    hub = _hub(name)
    parts = {FILE: str(pack), "README.md": card.encode()}
    changes = [hub.CommitOperationAdd(path, part) for path, part in parts.items()]
    try:
        api = hub.HfApi()
        api.create_repo(name, private=private, exist_ok=True)
        api.create_commit(name, changes, commit_message=f"{Path(pack).name}")
    except Exception as error:  # as above
        raise _refusal(name, "cannot be uploaded", error) from None
    return f"{ADDRESS}{name}"


def _hub(what) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{what}: found no package huggingface_hub; run pip install huggingface_hub"
        ) from None
    return huggingface_hub


def _refusal(what, outcome, error):
    reason = f"{type(error).__name__}: {first_line(error)[:200]}"
    return UserError(f"{what}: {outcome} ({reason}); is there a network, and is the name right?")
