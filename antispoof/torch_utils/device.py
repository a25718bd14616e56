"""Where tensors live."""

import re

import torch

from ..errors import UserError


def choose_device(name: str) -> torch.device:
    """torch.device for auto (a GPU where there is one), cpu or cuda. Raises UserError.

    Kernels that give another result at each run are not used where PyTorch has others, nor on a GPU
    those that round float32 to 10 bits of mantissa, which PyTorch uses for convolutions: what is
    cached there is what a CPU gives. `tf32` of a config asks for them.
    """
    # use_deterministic_algorithms() does the same, and imports the compiler, which takes a second
    torch.set_deterministic_debug_mode("warn")
    # else all memory is filled before it is written to, for 7 to 16 % of the time of a score
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {name}: no GPU is seen by PyTorch; use --device cpu")
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", name):
        raise UserError(f"--device {name}: wanted auto, cpu or cuda")
    return torch.device(name)
