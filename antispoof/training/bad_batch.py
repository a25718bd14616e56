"""The batch that made a loss NaN, kept for who looks for the reason, as JSON and as tensors."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..files import atomic_open
from ..torch_utils.checkpoint import save_checkpoint

if TYPE_CHECKING:
    from .learner import Learner

LARGEST = 64 << 20  # bytes of inputs that are kept
# counts, x, lengths, indices; of a model of frames, where crops begin
Part = tuple[Any, ...]


def keep_bad_batch(
    folder: Path, learner: "Learner", batch: Iterable[int], parts: Iterable[Part], **found: Any
) -> Path:
    """Write what came into the step that failed into `folder`; returns the path of its record.

    batch: indices of its utterances; parts: as `Learner.step` takes them. bad_batch.json holds
    `found`, the learning rate, the norm of the gradient, and what was drawn for each utterance;
    bad_batch.pt, unless it is large, the inputs of this process.
    """
    path = folder / "bad_batch.json"
    inputs = [
        {"x": x, "lengths": lengths, "utts": [learner.inputs.utts[i] for i in indices]}
        for counts, x, lengths, indices, *_ in parts
        if counts
    ]
    path.with_suffix(".pt").unlink(missing_ok=True)  # of an earlier one
    if sum(part["x"].nbytes for part in inputs) <= LARGEST:
        save_checkpoint(path.with_suffix(".pt"), {"parts": inputs})
    numbers = {
        **found,
        "lr": learner.schedule.get_last_lr()[0],
        "grad_norm": gradient_norm(learner.model) / learner.scaler.get_scale(),
    }
    record = {name: plain(value) for name, value in numbers.items()}
    record["utterances"] = [learner.inputs.drawn(index) for index in batch]
    with atomic_open(path) as stream:
        stream.write(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def gradient_norm(model: torch.nn.Module) -> float:
    """Of what the last step computed, before it is clipped; of several processes, of this one."""
    gradients = [p.grad.float() for p in model.parameters() if p.grad is not None]
    return float(torch.stack([g.norm() for g in gradients]).norm()) if gradients else 0.0


def plain(value: Any) -> Any:
    """`value` as JSON holds it: of numbers, those that are not finite as words."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
