"""What s3prl 0.4.18 asks of torchaudio and torchaudio >= 2.9 no longer has.

s3prl imports `torchaudio.sox_effects` and calls `torchaudio.set_audio_backend` when its hub is
imported; both went away with torchaudio's own input and output. No upstream that we offer calls the
effects, so they need to exist, not to work: a call says what happened.
"""

import importlib
import sys
import types
import warnings


def import_hub():
    """Import and return `s3prl.hub`. Every use of s3prl goes through here."""
    import torchaudio

    if not hasattr(torchaudio, "set_audio_backend"):
        torchaudio.set_audio_backend = lambda *_args, **_kwargs: None
    if not hasattr(torchaudio, "sox_effects"):
        module = types.ModuleType("torchaudio.sox_effects")
        module.apply_effects_tensor = module.apply_effects_file = _gone
        torchaudio.sox_effects = sys.modules["torchaudio.sox_effects"] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own deprecations, at every import
        return importlib.import_module("s3prl.hub")


def _gone(*_args, **_kwargs):
    raise RuntimeError("torchaudio.sox_effects is gone since torchaudio 2.9; this upstream needs it")
