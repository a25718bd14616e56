"""Scores of frames, taken while utterances are scored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.frame_scores import table_path, write_frames
from ..errors import UserError
from ..models.back_end import FrameBackEnd, Frames
from ..ssl.finetuned import FineTuned
from .frame_times import check_times
from .inputs import Inputs


def frames_of(model: torch.nn.Module) -> FrameBackEnd | None:
    """The part of a model that gives frames, or None."""
    own = model.back_end if isinstance(model, FineTuned) else model
    return own if isinstance(own, FrameBackEnd) else None


class FrameScores:
    """Collects the frames of utterances while a model of frames scores them, each as a whole.

    `found[utterance's index]` has (T,) float32 of each resolution.
    """

    def __init__(self, resolutions: Sequence[float]) -> None:
        self.resolutions = tuple(resolutions)
        self.found: dict[int, list[np.ndarray]] = {}

    def logits(
        self, model: torch.nn.Module, given: Sequence[torch.Tensor], indices: torch.Tensor
    ) -> torch.Tensor:
        """The logits (B, 2) of the utterances that a model is given; their frames are kept."""
        frames, whole = model.localise(*given)  # type: ignore[operator]
        for row, index in enumerate(indices.tolist()):
            self.found[index] = [scores_of(own, row) for own in frames]
        return whole

    def write(self, folder: str | Path, utts: Sequence[str]) -> list[Path]:
        """Write an archive and a table for each resolution; returns the tables."""
        written = []
        for number, seconds in enumerate(self.resolutions):
            path = table_path(folder, seconds)
            rows = {utt: self.found[index][number] for index, utt in enumerate(utts)}
            write_frames(path, rows)
            written.append(path)
        return written


def frame_scores(
    model: torch.nn.Module, config: Mapping[str, Any], place: str | Path, inputs: Inputs
) -> FrameScores | None:
    """What takes the frames of a model, or None of a model of whole utterances.

    Raises UserError where the config of `place` crops what is scored, or where the frames of
    `inputs` are not those that the model takes them to be: frames would then stand elsewhere.
    """
    own = frames_of(model)
    if own is None:
        return None
    if config["crop"]["test"] != "full":
        raise UserError(
            f"{place}: crop.test is {config['crop']['test']}; a model of frames scores whole "
            "sounds, wanted full"
        )
    check_times(own, inputs)
    return FrameScores(own.resolutions)


def scores_of(own: Frames, row: int) -> np.ndarray:
    """(T,) float32: the scores of the frames of one utterance."""
    logits = own.logits[row, : int(own.counts[row])].float()
    return (logits[:, 1] - logits[:, 0]).cpu().numpy()
