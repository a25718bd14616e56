"""From a fairseq file or a Hugging Face folder to a checkpoint in s3prl's form."""

from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from ..files import atomic_path
from ..torch_utils.checkpoint import first_line
from .fairseq import from_fairseq
from .huggingface import from_huggingface
from .local import Summary, build, config_of, family_of, read_conv_layers, summarise

DTYPES = ("keep", "float32", "float16")


def convert(
    source: str | Path, dtype: str = "keep", normalize: bool | None = None
) -> tuple[dict[str, Any], list[str]]:
    """(checkpoint in s3prl's form, notes) of `source`: a fairseq file or a Hugging Face folder.

    dtype: of the stored weights, one of DTYPES; normalize: True or False where the source does not
    say whether the model expects its waveform normalised, or says it wrongly. The notes are lines
    on what was left out or filled in. The s3prl model is built once, so that missing, unknown and
    misshapen weights are refused (UserError) here, not at the first use.
    """
    source = Path(source)
    try:
        if source.is_dir():
            checkpoint, notes = from_huggingface(source, normalize)
        else:
            checkpoint, notes = from_fairseq(source, normalize)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UserError(
            f"{source}: its settings and weights are not those of a known model "
            f"({type(error).__name__}: {first_line(error)}); wanted what fairseq or transformers "
            "wrote"
        ) from None
    family = family_of(checkpoint, source)
    config = config_of(checkpoint, family)
    config["conv_feature_layers"] = str(read_conv_layers(config.get("conv_feature_layers"), source))
    weights = checkpoint["model" if family == "wavlm" else "model_weight"]
    for name, tensor in weights.items():
        if name != "_ema":
            weights[name] = _stored(tensor, dtype)
    build(checkpoint, source)
    if family == "data2vec":
        weights["_ema"] = {}  # s3prl has deleted it, and will want to delete it again
    return checkpoint, notes


def save(checkpoint: dict[str, Any], path: str | Path) -> Summary:
    """Write a checkpoint in s3prl's form, atomically; returns its Summary."""
    with atomic_path(path) as temporary:
        torch.save(checkpoint, temporary)
    return summarise(checkpoint, path)


def _stored(tensor, dtype):
    if dtype != "keep" and tensor.is_floating_point():
        tensor = tensor.to(getattr(torch, dtype))
    tensor = tensor.detach()
    if tensor.untyped_storage().nbytes() > tensor.nbytes:  # torch.save writes whole storages
        tensor = tensor.clone()
    return tensor
