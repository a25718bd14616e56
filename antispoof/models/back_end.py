"""What every back end says of itself, so that nobody has to look into it."""

from typing import Any, NamedTuple

import torch
from torch import nn


class BackEnd(nn.Module):
    """`forward(x, lengths) -> (B, 2)` logits in the order of `antispoof.LABELS`.

    x (B, L, T, D) are features and lengths (B,) their valid frames, or, as `reads` says, x (B, S)
    waveforms and lengths (B,) their valid samples. What stands beyond them never changes another
    utterance's logits.
    """

    reads: str = (
        "features"  # or "waveform", or "both": forward(features, frames, waveforms, samples)
    )
    shaped_by: tuple[
        str, ...
    ] = ()  # arguments that the front end decides: of "layers" (L) and "dim" (D)
    last_layer: str | None = (
        None  # the module that is, or ends in, the linear layer of the logits, if one does
    )

    @classmethod
    def takes_one_length(cls, conf: dict[str, Any]) -> bool:
        """Whether the model made with the arguments `conf` takes one count of frames alone."""
        return False


class Frames(NamedTuple):
    """Logits of frames at one resolution: frame i lasts from i to i + 1 times `seconds`."""

    seconds: float
    logits: torch.Tensor  # (B, T, 2), in the order of `antispoof.LABELS`
    counts: torch.Tensor  # (B,) of each utterance, how many of them are its own


class FrameBackEnd(BackEnd):
    """A back end that also says where: `localise(x, lengths) -> ([Frames], (B, 2))`.

    The frames stand in the order of their resolutions, the finest first; the logits of the
    utterance are those that `forward` gives. What stands beyond an utterance changes neither.
    """

    frame_seconds: float = 0.02  # what a frame that it reads lasts, where it reads features
    resolutions: tuple[float, ...] = ()  # seconds of a frame, of each `Frames` in turn
    learns_whole: bool = False  # whether the utterance's logits are learnt by a loss of their own

    def localise(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[list[Frames], torch.Tensor]:
        """Frames at each resolution, and the logits of the utterance."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.localise(x, lengths)[1]
