"""Cues that tell nothing of how speech was made, but of how a corpus was: what must not separate.

Each is a number or a short vector of one waveform. `antispoof.audit.audit` asks how well a simple
classifier does on them alone (after Müller et al., 2021, on the silences of ASVspoof).
"""

from pathlib import Path

import numpy as np
import soundfile

from .. import SAMPLE_RATE

FRAME = 320  # 20 ms
QUIET_DB = 25.0  # a frame is silence when it is so far below the loudest ones
EDGE_SHARE = 1e-3  # of the energy is below the lower, and above the upper edge of the band
TRIVIAL = ("duration", "silence", "level", "bandwidth")  # those that a fair corpus must balance


def cues(wave: np.ndarray) -> dict[str, float | np.ndarray]:
    """All cues of `wave` (S,), 16 kHz, as {name: float or vector}; an utterance of 0.1 s or more.

    duration: seconds. silence: leading and trailing, seconds. level: RMS, dB relative to full
    scale. bandwidth: edges within which 99.8 % of the energy is, Hz, and the energy below 70
    and above 7,000 Hz, dB relative to all. crest_factor: peak over RMS, dB. noise_floor: quietest
    twentieth of the frames, and the quietest one, dB relative to the loudest twentieth. offset:
    mean over RMS, dB.
    """
    wave = np.asarray(wave, np.float64)
    if len(wave) < 5 * FRAME:
        raise ValueError(f"found {len(wave)} samples, wanted {5 * FRAME} or more")
    rms = np.sqrt(np.mean(wave**2)) + 1e-10
    frames = 10 * np.log10(frame_power(wave) + 1e-12)
    return {
        "duration": len(wave) / SAMPLE_RATE,
        "silence": silence(frames),
        "level": 20 * np.log10(rms),
        "bandwidth": bandwidth(wave),
        "crest_factor": 20 * np.log10(np.abs(wave).max() / rms + 1e-10),
        "noise_floor": noise_floor(frames),
        "offset": 20 * np.log10(abs(np.mean(wave)) / rms + 1e-6),
    }


def splice(wave: np.ndarray) -> np.ndarray:
    """What a cut leaves behind, of `wave` (S,), dB: (2,).

    The largest second difference over the median one of the 20 ms around it, and the largest step
    of power from one frame to the next.
    """
    sharp = np.abs(np.diff(np.asarray(wave, np.float64), 2))
    frames = sharp[: len(sharp) // FRAME * FRAME].reshape(-1, FRAME) + 1e-7
    peaks = 20 * np.log10(frames.max(1) / np.median(frames, axis=1))
    steps = np.abs(np.diff(np.log10(np.maximum(frame_power(wave), 1e-9))))
    return np.array([peaks.max(), 10 * steps.max()])


def frame_power(wave: np.ndarray) -> np.ndarray:
    """Mean square (T,) of the whole 20 ms frames of `wave`."""
    return np.mean(wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME) ** 2, axis=1)


def silence(frames: np.ndarray) -> np.ndarray:
    """Seconds before the first and after the last frame, (T,) dB, that is not silence: (2,)."""
    loud = np.flatnonzero(frames > np.percentile(frames, 95) - QUIET_DB)
    return np.array([loud[0], len(frames) - 1 - loud[-1]]) * FRAME / SAMPLE_RATE


def bandwidth(wave: np.ndarray) -> np.ndarray:
    """(lower edge Hz, upper edge Hz, dB below 70 Hz, dB above 7,000 Hz) of `wave`."""
    size = 1024
    padded = np.pad(wave, (0, max(0, size - len(wave))))
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2] * np.hanning(size)
    power = np.mean(np.abs(np.fft.rfft(cut, axis=1)) ** 2, axis=0) + 1e-12
    power /= power.sum()
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    edges = np.searchsorted(np.cumsum(power), [EDGE_SHARE, 1 - EDGE_SHARE])
    outside = [power[hertz < 70].sum(), power[hertz > 7000].sum()]
    return np.concatenate([hertz[edges], 10 * np.log10(outside)])


def noise_floor(frames: np.ndarray) -> np.ndarray:
    """dB of the quietest twentieth of `frames` (T,), and of the quietest, to the loudest: (2,)."""
    ordered = np.sort(frames)
    some = max(1, len(ordered) // 20)
    return np.array([ordered[:some].mean(), ordered[0]]) - ordered[-some:].mean()


def file_format(path: str) -> str:
    """Container, coding, rate and channels of a file in words; without a header its ending."""
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, TypeError):
        return Path(path.rpartition(":")[0] or path).suffix or "none"
    return f"{info.format} {info.subtype} {info.samplerate} {info.channels}"
