"""Real codecs: encode and decode again, at a stated bit rate, through libsndfile, FFmpeg or SoX.

What the machine has decides which of them there are; what is missing is said before anything runs.
Programs are run by lists of arguments, never through a shell.
"""

import functools
import io
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..config import one_of
from ..errors import UserError
from .checks import require

MP3 = (16, 24, 32, 40, 48, 56, 64)  # kbit/s of MPEG-2 layer III; above 24 kHz it is another one
AMR = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
AMR_WB = (6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85)
# name: (through what, Hz, bit rates in kbit/s, how that names it). _nb: at 8 kHz.
CODECS = {
    "alaw": ("libsndfile", 8000, (64,), ("WAV", "ALAW")),
    "ulaw": ("libsndfile", 8000, (64,), ("WAV", "ULAW")),
    "gsm": ("libsndfile", 8000, (13,), ("WAV", "GSM610")),
    "mp3": ("libsndfile", 16000, (*MP3, 80, 96, 112, 128, 144, 160), ("MP3", 160)),
    "mp3_nb": ("libsndfile", 8000, MP3, ("MP3", 64)),
    "g722": ("ffmpeg", 16000, (64,), ("g722", "g722")),
    "m4a": ("ffmpeg", 16000, (16, 24, 32, 48, 64, 96), ("aac", "m4a")),
    "m4a_nb": ("ffmpeg", 8000, (8, 12, 16, 24, 32), ("aac", "m4a")),
    "ogg": ("ffmpeg", 16000, (24, 32, 48, 64, 80), ("libvorbis", "ogg")),
    "opus": ("ffmpeg", 16000, (6, 8, 12, 16, 24, 32, 48, 64), ("libopus", "ogg")),
    "opus_nb": ("ffmpeg", 8000, (6, 8, 12, 16, 24), ("libopus", "ogg")),
    "speex": ("ffmpeg", 16000, (6, 10, 13, 17, 21, 28, 35), ("libspeex", "ogg")),
    "speex_nb": ("ffmpeg", 8000, (4, 6, 8, 11, 15, 18), ("libspeex", "ogg")),
    "amr": ("sox", 8000, AMR, ("amr-nb",)),
    "amr_wb": ("sox", 16000, AMR_WB, ("amr-wb",)),
}
PACKAGES = {"ffmpeg": "ffmpeg", "amr": "sox libsox-fmt-all"}  # of Debian; its SoX has no amr_wb
MOST = 4000  # samples that a codec may delay
SECONDS = 120  # after which a program is taken for hung


@dataclass(frozen=True)
class Codec:
    """One of several codecs, drawn evenly, then one of its bit rates; length and place are kept."""

    of: dict = field(default_factory=dict)  # {codec: [kbit/s, ...]}; []: all that it has

    def __post_init__(self) -> None:
        require(isinstance(self.of, dict) and self.of, "of", self.of, "{codec: [kbit/s, ...]}")
        for name, rates in self.of.items():
            one_of("codec", "of", name, tuple(CODECS))
            known = CODECS[name][2]
            listed = isinstance(rates, list) and all(rate in known for rate in rates)
            require(listed, f"of.{name}", rates, f"a list out of {', '.join(map(str, known))}")
            lag_of(name, (rates or known)[0])  # what is missing is said now

    def draw(self, rng: np.random.Generator, length: int) -> dict[str, Any]:
        name = sorted(self.of)[rng.integers(len(self.of))]
        rates = self.of[name] or CODECS[name][2]
        return {"codec": name, "kbps": float(rates[rng.integers(len(rates))])}

    def apply(self, wave: np.ndarray, drawn: dict[str, Any]) -> np.ndarray:
        """(S,) -> (S,): what the decoder gives, the codec's own delay taken out."""
        return through(wave, drawn["codec"], drawn["kbps"])


def label(drawn: dict[str, Any]) -> str:
    """A word for utt2codec: `mp3_16k`, or `alaw` where there is one bit rate."""
    single = len(CODECS[drawn["codec"]][2]) == 1
    return drawn["codec"] if single else f"{drawn['codec']}_{drawn['kbps']:g}k"


def through(wave: np.ndarray, name: str, kbps: float) -> np.ndarray:
    """Encode and decode `wave` (S,) float32 at 16 kHz; as long, and where it was."""
    lag = lag_of(name, kbps)
    decoded = _code(wave, name, kbps)[lag:][: len(wave)]
    return np.pad(decoded, (0, len(wave) - len(decoded)))


@functools.cache
def lag_of(name: str, kbps: float) -> int:
    """Samples by which a codec delays, measured on bursts of noise.

    Raises UserError where this machine lacks the codec, or the bit rate.
    """
    from scipy.signal import butter, correlate, sosfilt  # late: costs a second

    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    band = butter(2, (200, 3000), "bandpass", fs=SAMPLE_RATE, output="sos")
    bursts = sosfilt(band, noise) * np.sin(20 * np.arange(SAMPLE_RATE) / SAMPLE_RATE) ** 2
    bursts = (0.5 / np.abs(bursts).max() * bursts).astype(np.float32)
    try:
        decoded = _code(bursts, name, kbps)
    except (UserError, OSError, RuntimeError, ValueError) as error:
        route = CODECS[name][0]
        package = PACKAGES.get(name, PACKAGES.get(route))
        hint = f"apt-get install {package}" if package else f"take a {route} that can"
        raise UserError(
            f"codec {name} at {kbps:g} kbit/s: {route} cannot do it here ({_reason(error)}); "
            f"{hint}, or leave {name} out"
        ) from None
    likeness = np.abs(correlate(decoded, bursts))[len(bursts) - 1 :]
    return int(likeness[:MOST].argmax())


def _code(wave, name, kbps):
    from scipy.signal import resample_poly

    route, rate, rates, how = CODECS[name]
    sound = np.clip(wave, -1, 1)
    if rate != SAMPLE_RATE:
        sound = resample_poly(sound, rate, SAMPLE_RATE)
    sound = np.clip(sound, -1, 1).astype(np.float32)
    if route == "libsndfile":
        decoded, found = _through_libsndfile(sound, rate, kbps, *how)
    elif route == "ffmpeg":
        decoded, found = _through_ffmpeg(sound, rate, kbps, *how)
    else:
        decoded, found = _through_sox(sound, rate, rates.index(kbps), *how)
    if found != SAMPLE_RATE:
        decoded = resample_poly(decoded, SAMPLE_RATE, found)
    return decoded.astype(np.float32)


def _through_libsndfile(sound, rate, kbps, kind, how):
    options = {"subtype": how}
    if kind == "MP3":  # libsndfile counts a constant bit rate downwards from the highest
        level = (how - kbps) / (how - 8)
        options = {"bitrate_mode": "CONSTANT", "compression_level": level}
    coded = io.BytesIO()
    soundfile.write(coded, sound, rate, format=kind, **options)
    coded.seek(0)
    return soundfile.read(coded, dtype="float32")


def _through_ffmpeg(sound, rate, kbps, encoder, suffix):
    with tempfile.TemporaryDirectory() as folder:
        coded = f"{folder}/coded.{suffix}"
        quiet = [_program("ffmpeg"), "-nostdin", "-v", "error", "-threads", "1"]
        plain = ["-f", "f32le", "-ar", str(rate), "-ac", "1"]
        chosen = [] if encoder == "g722" else ["-b:a", f"{kbps:g}k"]
        _run([*quiet, *plain, "-i", "pipe:0", "-c:a", encoder, *chosen, coded], sound.tobytes())
        out = _run([*quiet, "-i", coded, *plain, "pipe:1"])
    return np.frombuffer(out, np.float32), rate


def _through_sox(sound, rate, mode, kind):
    # the package sox sets no compression (-C) and ends no program that hangs
    with tempfile.TemporaryDirectory() as folder:
        plain, coded, out = (Path(folder, name) for name in ("in.wav", f"x.{kind}", "out.wav"))
        soundfile.write(plain, sound, rate, subtype="PCM_16")
        _run([_program("sox"), "-D", plain, "-t", kind, "-C", str(mode), coded])
        _run([_program("sox"), "-D", "-t", kind, coded, "-b", "16", out])
        return soundfile.read(out, dtype="float32")


def _program(name):
    found = shutil.which(name)
    if not found:
        raise UserError(f"there is no program {name}")
    return found


def _run(command, data=b""):
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{command[0]} gave nothing in {SECONDS} s; is the machine too busy?"
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise UserError(f"{command[0]}: {said.splitlines()[-1]}")
    return done.stdout


def _reason(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
