"""Models that cannot mask padding (graphs, a max over time, a top-k): equal lengths together.

And what a batch norm sees: the valid frames of all utterances, in one row.
"""

from collections.abc import Callable

import torch

from ..errors import UserError
from ..torch_utils.masks import valid_mask
from ..torch_utils.tracing import is_traceable


def by_length(
    function: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    lengths: torch.Tensor,
    time_axis: int,
    training: bool = False,
) -> torch.Tensor:
    """`function` of x cut along `time_axis` to each utterance's own length -> (B, ...).

    It is called once for each distinct length of lengths (B,), with the utterances of that length,
    so that what it returns (its first axis is the batch) knows no padding. Raises UserError for
    unequal lengths in training, where small groups would spoil the batch norms.
    """
    if is_traceable():
        return function(x)
    found = lengths.tolist()
    if training and len(set(found)) > 1:
        raise UserError(
            f"lengths {min(found)} to {max(found)} in one training batch; this model needs equal "
            "ones: 'crop.pad' zero or tile, and 'crop.train' other than full"
        )
    if len(set(found)) == 1:
        return function(x.narrow(time_axis, 0, found[0]))
    result = None
    for length in sorted(set(found)):
        chosen = (lengths == length).nonzero()[:, 0].to(x.device)
        part = function(x.index_select(0, chosen).narrow(time_axis, 0, length))
        if result is None:
            result = part.new_empty(len(found), *part.shape[1:])
        result[chosen] = part
    return result


def one_by_one(
    function: Callable[..., tuple[torch.Tensor, ...]], *tensors: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """`function` of the utterances of `tensors` (B, ...) -> its tensors (B, ...), as if of all.

    On a CPU it is called for each utterance alone: what is between its operations then stays in
    the cache, and less memory is taken. Elsewhere it is called once.
    """
    if tensors[0].device.type != "cpu" or len(tensors[0]) == 1:
        return function(*tensors)
    parts = [function(*ones) for ones in zip(*(t.split(1) for t in tensors), strict=True)]
    return tuple(torch.cat(same) for same in zip(*parts, strict=True))


def by_frame(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """`function` (N, ...) -> (N, ...) of the valid frames of x (B, T, ...) -> (B, T, ...).

    Zeros stand beyond each utterance.
    """
    if is_traceable() or bool((lengths == x.shape[1]).all()):
        found = function(x.flatten(0, 1))
        return found.view(x.shape[0], x.shape[1], *found.shape[1:])
    inside = valid_mask(lengths.to(x.device), x.shape[1])
    found = function(x[inside])
    result = found.new_zeros(*x.shape[:2], *found.shape[1:])
    result[inside] = found
    return result
