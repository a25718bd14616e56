"""Checkpoints: whole or absent, the same bytes of the same state, and safe to load."""

import io
from pickle import UnpicklingError

import torch

from ..errors import UserError
from ..files import atomic_open


def save_checkpoint(path, state):
    """Write `state` whole or not at all; equal states give equal bytes under any name."""
    buffer = io.BytesIO()
    torch.save(state, buffer)  # to a path, it would store the temporary name inside
    with atomic_open(path, "wb") as stream:
        stream.write(buffer.getbuffer())


def load_checkpoint(path, device="cpu"):
    """Read what `save_checkpoint` wrote; nothing in the file can run code."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, ValueError, OSError, UnpicklingError) as error:
        reason = (str(error).splitlines() or ["empty"])[0]
        raise UserError(f"{path}: is not a whole checkpoint ({reason}); remove it") from None
