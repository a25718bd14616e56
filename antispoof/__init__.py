"""Detection of spoofed and deepfake speech: what the recipes know, importable by itself.

Scores: higher means more bona fide, everywhere.
"""

__version__ = "0.1.0"

LABELS = ("spoof", "bonafide")  # the order of logits; index 1 is bona fide, everywhere
CONVERSIONS = ("resample", "mixdown")  # what may be done to a sound that is not mono at 16 kHz
SAMPLE_RATE = 16000  # Hz, of every waveform inside the project


def __getattr__(name):
    """`Detector`, which imports PyTorch, where it is first asked for."""
    if name == "Detector":
        from .detector.detect import Detector

        return Detector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
