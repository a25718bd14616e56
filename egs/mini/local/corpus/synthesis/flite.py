"""A07: Flite, clustergen voices of English (awb, rms, slt)."""

import tempfile
from pathlib import Path

from ..audio import load
from ..environment import program
from .batch import one_by_one, plain, run


@one_by_one
def flite(request):
    """The text in the built-in voice `request.voice`."""
    argv, env = program("flite")
    with tempfile.TemporaryDirectory() as folder:
        text, wave = Path(folder, "text"), Path(folder, "speech.wav")
        text.write_text(plain(request.text) + "\n", encoding="ascii", errors="ignore")
        run([*argv, "-voice", request.voice, "-f", str(text), "-o", str(wave)], env)
        return load(wave)
