"""Every model: a file, and a line in MODELS.

What a model takes and gives, and what it says of itself, stands in `BackEnd`, and in
`FrameBackEnd` where it says which frames are spoofed too.
"""

import inspect
from typing import Any

from ..config import one_of
from ..errors import UserError
from .aasist import Aasist, AasistL
from .aasist3 import Aasist3
from .back_end import BackEnd
from .bicross_mamba import BiCrossMamba
from .ca_mhfa import CAMHFA
from .fake_mamba import FakeMamba
from .gmlp_frames import GMLPFrames
from .lfcc_lcnn import LFCCLCNN
from .linear import Linear
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
from .xlsr_conformer import XlsrConformer
from .xlsr_conformer_tcm import XlsrConformerTcm
from .xlsr_mamba import XlsrMamba

MODELS: dict[str, type[BackEnd]] = {
    "aasist": Aasist,
    "aasist3": Aasist3,
    "aasist_l": AasistL,
    "bicross_mamba": BiCrossMamba,
    "ca_mhfa": CAMHFA,
    "fake_mamba": FakeMamba,
    "gmlp_frames": GMLPFrames,
    "lfcc_lcnn": LFCCLCNN,
    "linear": Linear,
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
    "xlsr_conformer": XlsrConformer,
    "xlsr_conformer_tcm": XlsrConformerTcm,
    "xlsr_mamba": XlsrMamba,
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
