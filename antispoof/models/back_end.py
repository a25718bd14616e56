"""What every back end says of itself, so that nobody has to look into it."""

from typing import Any

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
