"""The weights of Distill-MOS as its package holds them."""

from pathlib import Path

from ..errors import UserError
from ..torch_utils.checkpoint import MISFITS, first_line, load_checkpoint
from ..torch_utils.tensors import SUFFIX, load_tensors
from .distillmos import DistillMos
from .packages import Member

WEIGHTS = Member(
    package="distillmos==0.9.1",
    package_sha256="f82e5326ed963ddc28a3e079ded4dbb1bd072ad54be5bdc4380290a9bce3536a",
    name="distillmos/weights/distill_mos_v7.pt",
    sha256="b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40",
)


def load(path: str | Path) -> DistillMos:
    """The network with the weights in `path`, in eval mode, on the CPU. Raises UserError.

    The file is the package's, or the same as safetensors.

    The two batch norms in front of the projection are folded into it: they never learn.
    """
    state = load_tensors(path) if Path(path).suffix == SUFFIX else load_checkpoint(path)
    try:
        return _built(state["model"])
    except MISFITS as error:
        raise UserError(
            f"{path}: its weights are not those of Distill-MOS ({first_line(error)})"
        ) from None


def _built(found):
    """A `DistillMos` of the package's state dict."""
    head, inner = "transformer_pool_attn.", "transformer_pool_attn.transformer."
    scale, shift = _affine(found, f"{head}norm_input.")
    later, then = _affine(found, f"{inner}norm.")
    scale, shift = scale * later, shift * later + then
    weight, bias = found[f"{inner}linear_proj.weight"], found[f"{inner}linear_proj.bias"]
    state = {
        "positions": found[f"{inner}position_encoding.pe"][0],
        "projection.weight": (weight.double() * scale).float(),
        "projection.bias": (bias.double() + weight.double() @ shift).float(),
    }
    for name, tensor in found.items():
        if name.startswith("cnn.cnn."):
            number, kind = name.removeprefix("cnn.cnn.").split(".")
            state[f"convolutions.layers.{int(number) // 2}.{kind}"] = tensor
        elif name.startswith(layers := f"{inner}transformer_encoder."):
            state[name.removeprefix(layers)] = tensor
    model = DistillMos()
    model.load_state_dict(state)
    return model.eval()


def _affine(found, prefix):
    """(scale, shift) in float64 of a batch norm in eval mode."""
    mean, variance = (found[f"{prefix}running_{what}"].double() for what in ("mean", "var"))
    scale = found[f"{prefix}weight"].double() / (variance + 1e-5).sqrt()
    return scale, found[f"{prefix}bias"].double() - mean * scale
