"""A training in words: what the trainer tells of a model and of an epoch."""

from typing import Any

import torch


def describe(row: dict[str, Any]) -> str:
    """A row in words, without what says how it was chosen."""
    quiet = ("phase", "patience", "average", "ema")
    numbers = {name: value for name, value in row.items() if name not in quiet}
    return "  ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in numbers.items()
    )


def count_parameters(model: torch.nn.Module) -> str:
    """In words: all, and the trainable ones where not all are."""
    total = sum(p.numel() for p in model.parameters())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"{total} parameters" + (f", {trainable} trainable" if trainable < total else "")
