"""The speech synthesisers of the corpus, one small module per family.

A system takes a list of Requests and yields `(request, wave)` for each, wave (S,) float64, mono,
16 kHz, on 16-bit steps, or `(request, Failure(reason))`. A request gives the same wave whatever
else is in the list: batches only save the time of starting programs.
"""

from . import (
    espeak,
    festival,
    flite,
    griffin_lim,
    hibari,
    kokoro,
    lpc_vocoder,
    lpcnet,
    piper,
    world,
)

SYSTEMS = {
    "espeak": espeak.espeak,
    "festival": festival.festival,
    "flite": flite.flite,
    "world": world.world,
    "conversion": world.conversion,
    "griffin_lim": griffin_lim.griffin_lim,
    "lpc_vocoder": lpc_vocoder.lpc_vocoder,
    "lpcnet": lpcnet.lpcnet,
    "piper": piper.piper,
    "kokoro": kokoro.kokoro,
    "hibari": hibari.hibari,
}
