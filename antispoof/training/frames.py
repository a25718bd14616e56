"""What training of a model of frames asks for: segments, crops that say where they begin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .. import SAMPLE_RATE
from ..data.data_dir import read_durations
from ..data.segments import NAME, read_segments
from ..errors import UserError
from ..models.back_end import FrameBackEnd
from ..models.frame_loss import FrameLoss
from ..models.losses import Loss
from ..scoring.frames import frames_of
from ..scoring.inputs import CachedFeatures, Inputs

SHIFTING = ("speed", "trim")  # augmentations after which a second is another one


class FrameTask:
    """The loss of a model of frames on a training set, whose batches then say where crops begin.

    Raises UserError where the set has no segments, or the config moves or repeats frames.
    """

    def __init__(self, model: FrameBackEnd, inputs: Inputs, loss: Loss) -> None:
        config, data_dir = inputs.config, Path(inputs.wav_scp).parent
        if config["crop"]["pad"] == "tile":
            raise UserError(
                f"config: crop.pad is tile, which repeats frames; model '{config['model']}' learns "
                "where they are: wanted zero or none"
            )
        for name in names_in(config["augment"]):
            if name in SHIFTING:
                raise UserError(
                    f"config: augment has '{name}', which moves frames away from data_dir/{NAME}"
                )
        spans = read_segments(data_dir, read_durations(data_dir))
        own = {index: spans[utt] for index, utt in enumerate(inputs.utts)}
        self.loss = FrameLoss(loss, own, model.learns_whole)
        cached = isinstance(inputs, CachedFeatures)
        self.unit = model.frame_seconds if cached else 1 / SAMPLE_RATE
        inputs.tells_start = True

    def total(
        self, found: Any, labels: torch.Tensor, indices: torch.Tensor, starts: torch.Tensor
    ) -> torch.Tensor:
        """The sum over utterances; starts (B,): of their crops, in samples or frames."""
        seconds = (starts * self.unit).tolist()
        return self.loss.total(found, labels, indices.tolist(), seconds)


def task_of(model: torch.nn.Module, inputs: Inputs, loss: Loss) -> FrameTask | None:
    """The `FrameTask` of a model of frames; None of one of whole utterances."""
    own = frames_of(model)
    return FrameTask(own, inputs, loss) if own else None


def names_in(chain: Any) -> Iterator[str]:
    """The names of all links of an augmentation, also of those in groups."""
    for link in chain:
        for name, settings in link.items():
            yield name
            inner = settings.get("of", ()) if name == "group" and isinstance(settings, dict) else ()
            yield from names_in(inner)
