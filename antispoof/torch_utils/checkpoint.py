"""Checkpoints: whole or absent, sealed, the same bytes of the same state, and safe to load.

A file is torch.save's zip archive with a seal for its comment, the SHA-256 of all bytes before the
seal. Any program that reads torch.save's files reads it. Files of earlier versions have no seal; of
these the CRC-32 of each record is compared.
"""

import hashlib
import io
import re
import struct
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeGuard

import torch

from ..errors import UserError
from ..files import atomic_open, await_file

SEAL = re.compile(rb"sha256:([0-9a-f]{64})")
SEAL_SIZE = len("sha256:") + 64
END = re.compile(rb"PK\x05\x06.{16}\0\0", re.DOTALL)  # of a zip archive without a comment
END_SIZE, LENGTH_SIZE = 22, 2  # of which the last two bytes are the comment's length
BLOCK = 1 << 20
# What load_state_dict raises for a state of another structure.
MISFITS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError)


def save_checkpoint(path: str | Path, state: object) -> None:
    """Write `state` whole or not at all; equal states give equal bytes under any name."""
    buffer = io.BytesIO()
    torch.save(state, buffer)  # to a path, it would store the temporary name inside
    data = buffer.getbuffer()[:-LENGTH_SIZE]
    size = struct.pack("<H", SEAL_SIZE)
    digest = hashlib.sha256(data)
    digest.update(size)
    with atomic_open(path, "wb") as stream:
        stream.write(data)
        stream.write(size + b"sha256:" + digest.hexdigest().encode())


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Any:
    """Read what `save_checkpoint` wrote; nothing in the file can run code.

    Raises UserError where a bit of it has changed, and for a file that is no checkpoint.
    """
    await_file(path)
    try:
        require_whole(path)
        return torch.load(path, map_location=device, weights_only=True)
    except UnpicklingError as error:
        raise UserError(f"{path}: {refusal(error)}") from None
    except Exception as error:  # whatever a damaged or hostile file provokes in the readers
        reason = first_line(error) if str(error) else "empty"
        raise UserError(f"{path}: is not a whole checkpoint ({reason}); remove it") from None


def require_whole(path: str | Path) -> None:
    """Raise ValueError, or what zipfile raises, where the file is not as torch.save left it."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        left = stream.seek(0, io.SEEK_END) - SEAL_SIZE
        if left < 0:
            raise ValueError("found too few bytes, wanted a zip archive of torch.save")
        stream.seek(left)
        seal = SEAL.fullmatch(stream.read())
        stream.seek(0)
        while seal and left:
            block = stream.read(min(BLOCK, left))
            digest.update(block)
            left -= len(block)
    if seal and seal[1].decode() != digest.hexdigest():
        raise ValueError(
            f"found the SHA-256 {digest.hexdigest()[:16]}..., wanted {seal[1][:16].decode()}..., "
            "which was written with it"
        )
    if not seal:
        require_records(path)


def require_records(path: str | Path) -> None:
    """Compare the records of a zip archive of torch.save with their CRC-32."""
    with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
        stream.seek(-END_SIZE, io.SEEK_END)
        if not END.fullmatch(stream.read()):
            raise ValueError("found another end, wanted the SHA-256 of the file, or a zip's end")
        if damaged := archive.testzip():
            raise ValueError(f"found another CRC-32 of its record {damaged}, wanted its own")


def read_weights(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state dict that the checkpoint `path` holds under 'model'. Raises UserError."""
    state = load_checkpoint(path, device)
    weights = state.get("model") if isinstance(state, dict) else None
    if not is_named(weights):
        found = f"'model' as {kind_of(weights)}" if weights is not None else kind_of(state)
        raise UserError(f"{path}: found {found}, wanted 'model', a state dict; train it again")
    return weights


def load_weights(
    module: torch.nn.Module,
    path: str | Path,
    device: str | torch.device = "cpu",
    whose: str = "its config.yaml",
    hint: str = "",
) -> None:
    """Give `module` the weights of the checkpoint `path`.

    whose: what they are to fit, for the message; hint: its first words. Raises UserError where the
    file holds no weights, or such as are missing, unknown, misshapen or of another type.
    """
    fit_weights(module, read_weights(path, device), path, whose, hint)


def fit_weights(
    module: torch.nn.Module, weights: dict[str, Any], path: str | Path, whose: str, hint: str = ""
) -> None:
    """Give `module` the state dict `weights`, which `path` holds; raises UserError as above."""
    misfit = f"{path}: does not fit {whose}: "
    try:
        for name, own in module.state_dict().items():
            found = weights.get(name)
            if not isinstance(own, torch.Tensor) or not isinstance(found, torch.Tensor):
                continue
            if found.dtype != own.dtype:
                raise ValueError(f"{name} is of {found.dtype}, wanted {own.dtype}")
        module.load_state_dict(weights)
    except MISFITS as error:
        raise UserError(misfit + " ".join(f"{hint} {error}".split())[:300]) from None


def is_named(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a dict whose keys are names, as a state dict is."""
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)


def kind_of(value: object) -> str:
    """What `value` is, in words, for a message."""
    if isinstance(value, dict):
        names = ", ".join(sorted(str(name)[:40] for name in value)[:8])
        return f"a dict of {names or 'nothing'}"
    return type(value).__name__


def refusal(error: Exception) -> str:
    """One line that names what was refused, out of PyTorch's page of advice."""
    found = re.search(r"GLOBAL ([\w.<>]+)", str(error))
    if found:
        return f"names {found[1]}, which no checkpoint needs; it was not run. Do not use this file"
    detail = str(error).split("WeightsUnpickler error: ")[-1]
    return f"cannot be read safely: {first_line(detail)}"


def first_line(error: object) -> str:
    """The first line of what `error` says, without what a terminal would take for a command."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"\x1b\[[0-9;]*m", "", line)
