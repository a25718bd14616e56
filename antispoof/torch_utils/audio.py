"""torchaudio, without its native library where that cannot be loaded.

The library of its wheel needs CUDA's, which a torch for the CPU alone does not have, and the import
then fails. Nothing here uses it: features are computed by the Python part.
"""

import sys
from typing import Any

try:
    import torchaudio
except OSError:
    reader: Any = sys.modules["torchaudio._extension.utils"]  # read before the import failed
    reader._load_lib = lambda _name: False  # as where there is no library
    import torchaudio
from torchaudio.functional import amplitude_to_DB, compute_deltas, melscale_fbanks
from torchaudio.transforms import LFCC, MelSpectrogram, Spectrogram

__all__ = [
    "LFCC",
    "MelSpectrogram",
    "Spectrogram",
    "amplitude_to_DB",
    "compute_deltas",
    "melscale_fbanks",
    "torchaudio",
]
