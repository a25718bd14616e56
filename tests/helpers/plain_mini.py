"""Plain forms of the embedded corpus's sound, and made-up programs, for its tests."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from corpus.plan import Cell, Utterance
from corpus.recordings import Recording

ROOT = Path(__file__).resolve().parents[2]
RATE = 16000


def seed_of(*parts):
    """The first four bytes of a SHA-256 over `parts`, the lowest first."""
    text = "\x1f".join(map(str, parts))
    return sum(byte << 8 * n for n, byte in enumerate(hashlib.sha256(text.encode()).digest()[:4]))


def phrase(seconds=1.6, hertz=120, seed=0, quiet=0.002):
    """Harmonics that come and go unevenly over a little noise, between unequal pauses, (S,)."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.cos(2 * np.pi * k * hertz * time + k * k) / k for k in range(1, 25))
    voice = 0.2 * tones * np.clip(np.sin(2 * np.pi * 2.3 * time + 0.4), 0, 1) ** 2
    noise = quiet * np.random.default_rng(seed).standard_normal(len(time) + 4300)
    return np.pad(voice, (1700, 2600)) + noise


def write_phrase(path, **settings):
    soundfile.write(path, phrase(**settings), RATE, subtype="DOUBLE")
    return str(path)


def trimmed(wave, below_db=35.0, margin=800):
    """From the middle of the first loud 20 ms to that of the last, and 50 ms more at either end."""
    power = np.array([np.mean(wave[n : n + 320] ** 2) for n in range(len(wave) - 319)])
    loud = np.flatnonzero(power > np.percentile(power, 99) / 10 ** (below_db / 10))
    return wave[max(0, loud[0] + 160 - margin) : loud[-1] + 160 + margin]


def finished(wave, max_seconds):
    """Trimmed, cut, of peak 0.7, on 16-bit steps."""
    wave = trimmed(wave)[: round(max_seconds * RATE)]
    return np.round(wave * (0.7 / max(abs(wave.max()), abs(wave.min()))) * 32768) / 32768


def autocorrelation(frame, order):
    """Sums of products at lags 0 to `order`."""
    return np.array([np.dot(frame[lag:], frame[: len(frame) - lag]) for lag in range(order + 1)])


def predictor(correlation):
    """Linear prediction by its normal equations: coefficients (P + 1,), the first 1, and error."""
    order = len(correlation) - 1
    matrix = [[correlation[abs(i - j)] for j in range(order)] for i in range(order)]
    found = np.r_[1.0, -np.linalg.solve(matrix, correlation[1:])]
    return found, found @ correlation


def some(system="espeak", number=0, attack="A01", voice="m1", split="train", materials=("a", "b")):
    """An Utterance of one cell; of a speaker where it copies a recording or is one."""
    who = "" if system and isinstance(materials[0], str) else "tux_be"
    cell = Cell(split, attack, system, voice, "be", "f", who, 1)
    return Utterance(f"M_{split[0].upper()}_{number:05d}", cell, materials)


def recording(name, path="/x"):
    return Recording(name, Path(path), "tux_be", "be", "f", "p", 2.0, "")
