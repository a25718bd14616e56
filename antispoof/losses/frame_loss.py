"""The loss over frames: that of utterances, for the frames of every resolution.

For each utterance it is the sum over resolutions of the mean loss of its frames, and, where the
model has a branch of its own for the utterance, the loss of that too. A coarser frame is spoofed
where one of the finest frames in it is, and the utterance where any of those that the model was
given is: a crop of a spoof that holds no spoofed part is bona fide. Frames beyond the crop or the
sound have no label and no loss.

Class weights act alike on frames and on the branch. The mean of frames counts each frame once,
whatever its weight; what a batch is divided by has the weights of its utterances.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..metrics.localisation import Span, labels_at, least_of
from ..models.back_end import Frames
from .losses import Loss


class FrameLoss:
    """`Loss` of frames, in a sum over utterances.

    Args: loss: of single decisions; spans: segments of each utterance, by its index; whole:
    whether the logits of the utterance have a loss.
    """

    def __init__(
        self, loss: Loss, spans: Mapping[int, Sequence[Span]], whole: bool = False
    ) -> None:
        self.loss, self.spans, self.whole = loss, spans, whole

    def total(
        self,
        found: tuple[list[Frames], torch.Tensor],
        indices: Sequence[int],
        starts: Sequence[float],
    ) -> torch.Tensor:
        """What `localise` gave for utterances `indices` from `starts` (seconds) on, summed."""
        frames, whole = found
        total = whole.new_zeros((), dtype=torch.float32)
        least = []
        for row, (index, start) in enumerate(zip(indices, starts, strict=True)):
            fine = labels_from(self.spans[index], start, frames[0].seconds)
            fine = fine[: int(frames[0].counts[row])]
            least.append(int(fine.min()))
            for own in frames:
                wanted = least_of(fine, round(own.seconds / frames[0].seconds))
                count = min(int(own.counts[row]), len(wanted))
                aim = torch.from_numpy(wanted[:count])
                sum_of = self.loss.total(own.logits[row, :count].float(), aim.to(whole.device))
                total = total + sum_of / count
        if self.whole:
            aim = torch.tensor(least, device=whole.device)
            total = total + self.loss.total(whole.float(), aim)
        return total


def labels_from(spans: Sequence[Span], start: float, seconds: float) -> np.ndarray:
    """`labels_at` of what begins at `start` (seconds) of a sound."""
    left = [(max(a - start, 0.0), b - start, label) for a, b, label in spans if b - start > 1e-6]
    return labels_at(left or [(0.0, seconds, spans[-1][2])], seconds)
