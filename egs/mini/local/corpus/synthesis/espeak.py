"""A01: eSpeak NG, formant synthesis of every language of the corpus."""

import random
import tempfile
from pathlib import Path

from ..audio import load
from ..environment import program
from .batch import one_by_one, run


@one_by_one
def espeak(request):
    """The text in the voice variant `request.voice`: m1 to m8, f1 to f5, klatt, klatt2, ..."""
    draw = random.Random(request.seed)
    words_a_minute, pitch = draw.randint(140, 185), draw.randint(30, 65)
    argv, env = program("espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        text, wave = Path(folder, "text"), Path(folder, "speech.wav")
        text.write_text(request.text, encoding="utf-8")
        options = [
            "-v",
            f"{request.lang}+{request.voice}",
            "-s",
            str(words_a_minute),
            "-p",
            str(pitch),
        ]
        run([*argv, *options, "-f", str(text), "-w", str(wave)], env)
        return load(wave)
