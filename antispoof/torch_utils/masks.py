"""What is beyond an utterance: masks, and means that do not see it."""

import torch


def valid_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B,) -> (B, frames) bool: True inside each utterance, False beyond."""
    return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]


def frame_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B,) -> (B, frames) of 1 inside each utterance and 0 beyond."""
    return valid_mask(lengths, frames).float()


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over time of x (B, ..., T) where mask (B, T) is 1 -> (B, ...)."""
    mask = mask.view(len(mask), *[1] * (x.ndim - 2), -1)
    return (x * mask).sum(-1) / mask.sum(-1)
