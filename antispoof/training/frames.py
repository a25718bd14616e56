"""What training of a model of frames asks for: segments, crops that say where they begin."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..augment.chain import SHIFTING, names_in
from ..data.data_dir import read_durations
from ..data.segments import NAME, read_segments
from ..data.tables import read_table
from ..errors import UserError
from ..losses.frame_loss import FrameLoss
from ..losses.losses import Loss
from ..metrics.localisation import Span, segment_pieces, weighted_eer
from ..models import MODELS
from ..models.back_end import FrameBackEnd
from ..scoring.frame_times import check_times
from ..scoring.frames import frames_of
from ..scoring.inputs import CachedFeatures, Inputs


class FrameTask:
    """The loss of a model of frames on a training set, whose batches then say where crops begin.

    Raises UserError where the set has no segments, where they contradict utt2label, or where frames
    are moved or repeated, or last other than the model takes them to.
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
        check_times(model, inputs, copies=True)
        labels = read_table(data_dir / "utt2label")
        spans = read_segments(data_dir, read_durations(data_dir), labels)
        own = {index: spans[utt] for index, utt in enumerate(inputs.utts)}
        self.loss = FrameLoss(loss, own, model.learns_whole)
        cached = isinstance(inputs, CachedFeatures)
        self.unit = model.frame_seconds if cached else 1 / SAMPLE_RATE
        inputs.tells_start = True

    def total(self, found: Any, indices: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        """The sum over utterances; starts (B,): of their crops, in samples or frames."""
        seconds = (starts * self.unit).tolist()
        return self.loss.total(found, indices.tolist(), seconds)


def check_frames(path: str | Path, config: dict[str, Any]) -> None:
    """Raise UserError where a model of whole utterances is to be chosen by its frames."""
    kind = MODELS.get(config["model"])
    if by_frames(config) and not (kind and issubclass(kind, FrameBackEnd)):
        raise UserError(
            f"{path}: 'select.metric: dev_segment_eer' needs a model of frames, as mel_frames; "
            f"found '{config['model']}'"
        )


def by_frames(config: dict[str, Any]) -> bool:
    """Whether a phase's model is chosen by its frames."""
    return config["select"]["metric"] == "dev_segment_eer"


def segment_eer(
    scores: Mapping[float, Sequence[np.ndarray]], spans: Sequence[Sequence[Span]]
) -> float:
    """The mean over resolutions of the segment EER of frames at their own; 0.5 where all are equal.

    scores: {seconds of a frame: (T,) of each utterance}. Raises ValueError for a NaN, or one class.
    """
    found = []
    for own, values in scores.items():
        pieces = segment_pieces(values, spans, own, own, min(scores))
        equal = pieces.scores.min() == pieces.scores.max()
        found.append(0.5 if equal else float(weighted_eer(pieces)[0]))
    return sum(found) / len(found)


def task_of(model: torch.nn.Module, inputs: Inputs, loss: Loss) -> FrameTask | None:
    """The `FrameTask` of a model of frames; None of one of whole utterances."""
    own = frames_of(model)
    return FrameTask(own, inputs, loss) if own else None
