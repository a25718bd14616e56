"""Every model: a file, and a line in MODELS.

What a model takes and gives, and what it says of itself, stands in `BackEnd`, and in
`FrameBackEnd` where it says which frames are spoofed too.
"""

import inspect
from typing import Any

from ..config import one_of
from ..errors import UserError
from .aasist import Aasist, AasistL
from .back_end import BackEnd
from .ca_mhfa import CAMHFA
from .gmlp_frames import GMLPFrames
from .lfcc_lcnn import LFCCLCNN
from .mean_pool import MeanPool
from .mel_cnn import MelCNN
from .mel_frames import MelFrames
from .mel_multiscale import MelMultiScale
from .mel_vit import MelViT
from .mhfa import MHFA
from .nes2net import Nes2Net, Nes2NetX
from .rawnet2 import RawNet2
from .sls import SLS
from .spaarsist import Spaarsist
from .spaarsist_lite import SpaarsistLite
from .ssl_aasist import SslAasist
from .wavlm_aasist import WavLMAasist
from .wavlm_cnn import WavLMCNN

MODELS: dict[str, type[BackEnd]] = {
    "aasist": Aasist,
    "aasist_l": AasistL,
    "ca_mhfa": CAMHFA,
    "gmlp_frames": GMLPFrames,
    "lfcc_lcnn": LFCCLCNN,
    "mean_pool": MeanPool,
    "mel_cnn": MelCNN,
    "mel_frames": MelFrames,
    "mel_multiscale": MelMultiScale,
    "mel_vit": MelViT,
    "mhfa": MHFA,
    "nes2net": Nes2Net,
    "nes2net_x": Nes2NetX,
    "rawnet2": RawNet2,
    "sls": SLS,
    "spaarsist": Spaarsist,
    "spaarsist_lite": SpaarsistLite,
    "ssl_aasist": SslAasist,
    "wavlm_aasist": WavLMAasist,
    "wavlm_cnn": WavLMCNN,
}


def build_model(name: str, **conf: Any) -> BackEnd:
    """Make the model `name` with the arguments `conf` of its __init__.

    Raises UserError for a name that MODELS lacks or an argument that the model lacks.
    """
    one_of("config", "model", name, tuple(MODELS))
    known = tuple(inspect.signature(MODELS[name]).parameters)
    for key in conf:
        one_of("config", "model_conf", key, known)
    try:
        return MODELS[name](**conf)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"config: model_conf of '{name}': {line}") from None
