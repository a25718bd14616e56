"""Packs on a hub of Hugging Face: fetched once, then read from its cache; put there by a token."""

import re
from pathlib import Path
from typing import Any

from ..errors import UserError, explain_os_error
from ..torch_utils.checkpoint import first_line

ADDRESS = "hf://"
FILE = "model.zip"  # the pack in its repository, next to the README.md of it
_FORM = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


def located(place: str | Path) -> Path:
    """The path of a pack or a folder: of hf://USER/NAME, what `fetch` gives; else as it is."""
    return fetch(str(place)) if str(place).startswith(ADDRESS) else Path(place)


def fetch(address: str) -> Path:
    """The pack of hf://USER/NAME or hf://USER/NAME@REVISION, in the cache of huggingface_hub.

    Without a network, what is in the cache is used. Raises UserError, with the cause.
    """
    found = _FORM.fullmatch(address)
    if not found:
        raise UserError(f"{address}: wanted hf://USER/NAME, or hf://USER/NAME@REVISION")
    hub = _hub(address)
    try:
        return Path(hub.hf_hub_download(found[1], FILE, revision=found[2]))
    except Exception as error:  # whatever a network, a server or its cache comes up with
        raise refusal(address, "cannot be fetched", error) from None


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
        raise refusal(name, "cannot be uploaded", error) from None
    return f"{ADDRESS}{name}"


def _hub(what) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{what}: found no package huggingface_hub; run pip install huggingface_hub"
        ) from None
    return huggingface_hub


# Names of errors of huggingface_hub, and of classes that they come from: what each says.
_CAUSES = {
    "GatedRepoError": "its owners ask for consent: give it on its page, then run hf auth login",
    "RevisionNotFoundError": "there is no such revision; look at its branches and tags",
    "RepositoryNotFoundError": "there is no such repository, or the token has no right to it; look "
    "at the name, and run hf auth login",
    "OfflineModeIsEnabled": "the hub may not be asked; set HF_HUB_OFFLINE=0",
    "EntryNotFoundError": f"the repository holds no {FILE}; it is no pack",
    "LocalTokenNotFoundError": "there is no token; run hf auth login, or set HF_TOKEN",
    "ConnectError": "the hub cannot be reached; is there a network?",
    "ConnectionError": "the hub cannot be reached; is there a network?",
    "TimeoutException": "the hub does not answer; try it again later",
    "Timeout": "the hub does not answer; try it again later",
}
_STATUS = {
    401: "the token is not valid; run hf auth login",
    403: "the token has no right to this; run hf auth login with one that has",
    429: "the hub is asked too often; try it again later",
}


def refusal(what: str, outcome: str, error: BaseException) -> UserError:
    """What to say of an error: its cause, and what to do; or else what the package says, alone."""
    reason = f"{type(error).__name__}: {first_line(error)[:200]}"
    return UserError(f"{what}: {outcome}: {_cause(error) or reason}")


def _cause(error):
    names = [kind.__name__ for kind in type(error).__mro__]
    if "LocalEntryNotFoundError" in names:  # of which the hub's own error is the cause
        why = _cause(error.__cause__) if error.__cause__ else ""
        return f"it is not in the cache, and {why or 'the hub gave no answer; is there a network?'}"
    if found := next((_CAUSES[name] for name in names if name in _CAUSES), ""):
        return found
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:
        return f"the hub has a fault of its own ({status}); try it again later"
    return explain_os_error(error) if isinstance(error, OSError) and error.errno else ""
