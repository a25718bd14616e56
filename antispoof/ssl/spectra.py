"""s3prl's spectra without what nobody reads of them.

Its preprocessor computes MFCCs by a transform of their own, and the phase, whatever a front end
asks for. What is asked for keeps every bit.
"""

from typing import Any

import torch
from torch import nn


class NoMfcc(nn.Module):
    """Waveforms (B, C, S) -> zeros (B, C, 1, T) in place of MFCCs, of which T is read."""

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        return waves.new_zeros(*waves.shape[:-1], 1, waves.shape[-1] // self.hop + 1)


def power_alone(spectrum: torch.Tensor) -> tuple[torch.Tensor, None]:
    """The power of complex numbers (..., 2), and no phase."""
    return torch.view_as_complex(spectrum).abs().pow(exponent=2), None


def leave_out_unread(upstream: Any) -> None:
    """Let an upstream of s3prl's preprocessor compute no MFCCs and no phase that it does not give.

    Any other upstream stays as it is.
    """
    own: Any = getattr(upstream, "extracter", None)
    if type(own).__name__ != "OnlinePreprocessor":
        return
    asked = {feature["feat_type"] for feature in own.feat_list}
    if "mfcc" not in asked:
        own._mfcc_trans = NoMfcc(own._win_args["hop_length"])
    if "phase" not in asked:
        own._magphase = power_alone
