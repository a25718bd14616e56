"""What last.pt holds, checked before anything goes on from it.

A file that is whole may still be of another program, or made by hand: each part is compared with
what this run would write there.
"""

import json
import socket
import time
from pathlib import Path
from typing import Any

import torch

from ..config.renamed import renewed
from ..config.sources import traced_by
from ..errors import UserError
from ..files import is_there, patience
from ..torch_utils.checkpoint import is_named, kind_of, load_checkpoint
from ..torch_utils.distributed import Team

COLUMNS = ("train_loss", "lr", "dev_loss", "dev_eer")  # numbers of every row; of sources, no EER


def read_last(
    path: str | Path, device: str | torch.device, phases: list[dict]
) -> tuple[dict[str, Any], list[dict]]:
    """(state, rows of the curve) of last.pt; phases: resolved configs. Raises UserError."""
    state = load_checkpoint(path, device)
    state = renewed(state) if isinstance(state, dict) else state
    kinds = {"learner": dict, "phase": int, "rows": str}
    if not is_named(state) or not all(type(state.get(k)) is kind for k, kind in kinds.items()):
        raise _wrong(path, kind_of(state), "'learner', a dict, 'phase', a number, 'rows', a text")
    if not 1 <= state["phase"] <= len(phases):
        raise _wrong(path, f"phase {state['phase']}", f"one of the config's {len(phases)}")
    try:
        rows = json.loads(state["rows"])
    except (ValueError, RecursionError):
        raise _wrong(path, f"rows {state['rows'][:40]!r}", "JSON") from None
    if not isinstance(rows, list) or not rows:
        raise _wrong(path, f"rows {state['rows'][:40]!r}", "a list of epochs")
    rows = [renewed(row) if isinstance(row, dict) else row for row in rows]
    for epoch, row in enumerate(rows, 1):
        _check_row(path, row, epoch, phases)
    found = [row["phase"] for row in rows]
    if found != sorted(found) or found[-1] != state["phase"]:
        raise _wrong(path, f"rows of the phases {found[:20]}", f"up to {state['phase']}, in order")
    return state, rows


def read_together(
    path: Path, device: str | torch.device, phases: list[dict], team: Team
) -> tuple[dict[str, Any], list[dict]]:
    """What `read_last` gives, in each process of `team` of the same epoch; no rows without a file.

    What the main process reads, another machine may see late. Raises UserError.
    """
    state, rows = {"phase": 0}, list[dict]()
    if team.is_main and is_there(path):
        state, rows = read_last(path, device, phases)
    wanted, until = team.broadcast(len(rows)), time.monotonic() + patience()
    while len(rows) != wanted:
        if is_there(path):
            state, rows = read_last(path, device, phases)
        if len(rows) != wanted and time.monotonic() >= until:
            raise UserError(
                f"{path}: found {len(rows)} epochs on {socket.gethostname()}, wanted {wanted}, "
                "which the first process finds; do all nodes see one folder?"
            )
        time.sleep(0.2 if len(rows) != wanted else 0)
    return state, rows


def _check_row(path, row, epoch, phases):
    """One epoch of the curve: its number, its phase, and numbers for the rest."""
    phase = row.get("phase") if isinstance(row, dict) else None
    if type(phase) is not int or not 1 <= phase <= len(phases) or row.get("epoch") != epoch:
        raise _wrong(path, f"row {str(row)[:60]}", f"'epoch' {epoch} and its 'phase'")
    columns = [name for name in COLUMNS if name != "dev_eer" or not traced_by(phases[phase - 1])]
    names = [*columns, phases[phase - 1]["select"]["metric"], *row]
    for name in names:
        value = row.get(name)
        if type(value) not in (int, float):
            raise _wrong(path, f"{name} {value!r} in epoch {epoch}", "a number")


def _wrong(path, found, wanted):
    return UserError(f"{path}: found {found}, wanted {wanted}; remove it, train from the start")
