"""What every model asks of its input, so that a wrong config ends in one line.

A check costs one pass over x and one answer from the device.
"""

import torch

from ..errors import UserError
from ..torch_utils.tracing import is_traceable


def check_features(
    x: torch.Tensor,
    lengths: torch.Tensor,
    layers: int | None = None,
    dim: int | None = None,
    least: int = 1,
) -> None:
    """Raise UserError unless x (B, L, T, D), valid frames (B,), are what the model was made for.

    layers, dim: L and D wanted, None for any; least: the fewest frames that the model can take.
    """
    if is_traceable():
        return
    if x.ndim != 4:
        raise UserError(
            f"the model takes features (B, L, T, D), found {tuple(x.shape)}; use 'feats: cached' "
            "or 'feats: ssl'"
        )
    for found, wanted, key, what in (
        (x.shape[1], layers, "layers", "layers"),
        (x.shape[3], dim, "dim", "numbers per frame"),
    ):
        if wanted is not None and found != wanted:
            raise UserError(
                f"found features of {found} {what}, wanted {wanted}; model_conf.{key} decides it"
                + (", and 'layers' says which are read" if key == "layers" else "")
            )
    _check_values(x, lengths, least, "frames", "features")


def check_waves(x: torch.Tensor, lengths: torch.Tensor, least: int = 1) -> None:
    """Raise UserError unless x (B, S), valid samples (B,), are finite waveforms of `least` samples.

    least: the fewest samples that the model can take.
    """
    if is_traceable():
        return
    if x.ndim != 2:
        raise UserError(
            f"the model takes waveforms (B, S), found {tuple(x.shape)}; use 'feats: wave'"
        )
    _check_values(x, lengths, least, "samples", "waveforms")


def _check_values(x, lengths, least, unit, what):
    if not x.numel():
        raise UserError(f"found no {unit}, wanted {least} or more; crop.seconds decides it")
    # a NaN is both the least and the greatest number; a mask of all of x would cost its memory
    extremes = torch.stack(torch.aminmax(x.detach())).isfinite().all()
    finite, enough = torch.stack([extremes, (lengths >= least).all()]).tolist()
    if not finite:
        raise UserError(
            f"the {what} hold numbers that are not finite (NaN or infinite); run the stage that "
            "made them again, or lower the learning rate of what makes them (finetune.lr)"
        )
    if not enough:
        raise UserError(
            f"found {int(lengths.min())} {unit} in an utterance, the model needs {least} or more; "
            "crop.seconds and crop.pad decide it"
        )
