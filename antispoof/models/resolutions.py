"""What a model of frames does at several resolutions: halve time, and sum an utterance up."""

import torch
from torch.nn.functional import max_pool1d, max_pool2d, pad

from ..errors import UserError
from ..torch_utils.masks import valid_mask
from .back_end import Frames

RULES = ("branch", "minimum")


def check_rule(rule: str) -> str:
    """`rule` where it says how an utterance is scored. Raises UserError."""
    if rule not in RULES:
        raise UserError(f"config: model_conf.utterance is {rule!r}, wanted {' or '.join(RULES)}")
    return rule


def halve(
    x: torch.Tensor, counts: torch.Tensor, width: bool, shifted: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, D), (B,) -> (B, T // 2, D) and their counts: the largest of each two frames.

    width: of each two neighbours in D too; shifted: a pad of one frame on both sides goes first,
    so that T // 2 + 1 frames are left. A frame beyond an utterance takes no part, and is 0 after.
    """
    x = x.masked_fill(~valid_mask(counts, x.shape[1])[:, :, None], float("-inf"))
    if shifted:
        x, counts = pad(x, (0, 0, 1, 1), value=float("-inf")), counts // 2 + 1
    else:
        x = pad(x, (0, 0, 0, 1), value=float("-inf")) if x.shape[1] < 2 else x
        counts = (counts // 2).clamp(min=1)
    if width:
        x = max_pool2d(x[:, None], 2)[:, 0]
    else:
        x = max_pool1d(x.transpose(1, 2), 2).transpose(1, 2)
    return x.masked_fill(~valid_mask(counts, x.shape[1])[:, :, None], 0.0), counts


def least_frame(found: Frames) -> torch.Tensor:
    """(B, 2): the logits of the frame of each utterance that is least like bona fide speech."""
    logits = found.logits
    scores = logits[..., 1] - logits[..., 0]
    scores = scores.masked_fill(~valid_mask(found.counts, logits.shape[1]), float("inf"))
    worst = scores.argmin(1)[:, None, None].expand(-1, 1, 2)
    return logits.gather(1, worst)[:, 0]


def mixed(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(B, L, T, D), (L,) -> (B, T, D): the sum of the layers, weighted by softmax."""
    return torch.einsum("bltd,l->btd", x, weights.softmax(0))
