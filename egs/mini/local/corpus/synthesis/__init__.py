"""The speech synthesisers of the corpus, one small module per family.

A system takes a list of Requests and yields `(request, wave)` for each, wave (S,) float64, mono,
16 kHz, on 16-bit steps, or `(request, Failure(reason))`. A request gives the same wave whatever
else is in the list: batches only save the time of starting programs.
"""

from .espeak import espeak
from .festival import festival
from .flite import flite
from .griffin_lim import griffin_lim
from .hibari import hibari
from .kokoro import kokoro
from .lpc_vocoder import lpc_vocoder
from .lpcnet import lpcnet
from .piper import piper
from .world import conversion, world

SYSTEMS = {
    "espeak": espeak,
    "festival": festival,
    "flite": flite,
    "world": world,
    "conversion": conversion,
    "griffin_lim": griffin_lim,
    "lpc_vocoder": lpc_vocoder,
    "lpcnet": lpcnet,
    "piper": piper,
    "kokoro": kokoro,
    "hibari": hibari,
}
