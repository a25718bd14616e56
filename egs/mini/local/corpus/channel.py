"""One channel for both classes: what is left to tell them apart should be the speech itself.

band-pass and random phase -> noise up to one floor -> codec -> band-pass -> a piece from within
-> fades -> level. All that is drawn is drawn from the utterance's id alone.
"""

import hashlib
import io

import numpy as np
from scipy import fft
from scipy.signal import lfilter

from antispoof import SAMPLE_RATE

from .audio import decode_g722, trim

# Edges of the band are drawn: fixed ones would show how far down a voice or a recording reaches.
LOW_HZ, HIGH_HZ = (80.0, 200.0), (6500.0, 7500.0)
SECONDS = (1.2, 3.6)  # of the piece; a shorter wave stays whole
FLOOR_DB = (23.0, 38.0)  # of the quietest tenth of the frames, below the wave's level
LEVEL_DB = (-29.0, -23.0)  # RMS, relative to full scale
DELAY = 0.012  # seconds by which one frequency may lag behind another: longer than a pitch period
EDGE, FADE = 0.06, 0.01  # seconds cut from either trimmed end; of the fades
CODECS = ("none", "vorbis", "g722", "opus", "mp3")
CONTAINERS = {
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
SHAPE_ORDER, FRAME = 16, 400


def noise_shapes(waves):
    """Predictors (N, 17) whose inverse filters sound like the background of N recordings.

    Linear prediction over the quietest frames of each of `waves`, (S,) at 16 kHz; recordings
    that are digitally silent there tell nothing and are left out. ValueError if none is left.
    """
    from scipy.linalg import solve_toeplitz

    shapes = []
    for wave in waves:
        frames = framed(trim(wave))
        power = np.var(frames, axis=1)
        if len(power) < 10 or np.percentile(power, 3) < 1e-10:
            continue
        quiet = frames[power <= np.percentile(power, 8)] * np.hanning(FRAME)
        spectrum = np.mean(np.abs(fft.rfft(quiet, 2 * FRAME, axis=1)) ** 2, axis=0)
        correlation = fft.irfft(spectrum)[: SHAPE_ORDER + 1]
        correlation[0] *= 1.001
        predictor = solve_toeplitz(correlation[:-1], correlation[1:])
        shapes.append(np.r_[1.0, -predictor])
    if not shapes:
        raise ValueError("no recording has a background to take the shape of")
    return np.array(shapes)


def transmit(wave, utt, shapes):
    """Send `wave` (S,) through the channel drawn for `utt`. Returns (wave (S',), codec's name).

    The result lasts 0.5 to 3.6 s, at -29 to -23 dB RMS. ValueError where less than 0.5 s is left.
    """
    draw = np.random.default_rng(list(hashlib.sha256(utt.encode()).digest()))
    shape = shapes[draw.integers(len(shapes))]
    floor_db, codec = draw.uniform(*FLOOR_DB), CODECS[draw.integers(len(CODECS))]
    seconds, place, level_db = draw.uniform(*SECONDS), draw.random(), draw.uniform(*LEVEL_DB)
    band = np.exp(draw.uniform(*np.log(LOW_HZ))), draw.uniform(*HIGH_HZ)
    wave = excerpt(trim(wave), seconds + 2 * EDGE, place)
    wave = to_level(band_pass(wave, band, random_phase(draw)), -26.0)
    wave = wave + missing_noise(wave, band_pass(background(shape, len(wave), draw), band), floor_db)
    wave = band_pass(through_codec(to_level(wave, -26.0), codec), band)
    cut, fade = round(EDGE * SAMPLE_RATE), round(FADE * SAMPLE_RATE)
    wave = wave[cut:-cut]
    if len(wave) < SAMPLE_RATE // 2:
        raise ValueError(f"{utt}: {len(wave) / SAMPLE_RATE:.2f} s of speech, wanted 0.5 s")
    ramp = np.hanning(2 * fade)
    wave[:fade] *= ramp[:fade]
    wave[-fade:] *= ramp[fade:]
    return to_level(wave, level_db), codec


def excerpt(wave, seconds, place):
    """`seconds` of `wave`, from its start (`place` 0) to its end (1); all where it is shorter."""
    spare = max(0, len(wave) - round(seconds * SAMPLE_RATE))
    start = round(place * spare)
    return wave[start : len(wave) - spare + start]


def random_phase(draw):
    """An all-pass: random delays of up to 12 ms, smooth over frequency; returns (Hz, radians).

    Peaks of a waveform come from phases that agree, as pulse-driven synthesis leaves them and
    rooms and microphones do not. Magnitudes stay as they are.
    """
    hertz = np.linspace(0, SAMPLE_RATE / 2, 801)
    knots = np.linspace(0, SAMPLE_RATE / 2, 17)
    delay = np.interp(hertz, knots, draw.uniform(0, DELAY, len(knots)))
    return hertz, -2 * np.pi * np.cumsum(delay) * hertz[1]


def band_pass(wave, band, phase=None):
    """Keep `band` (low Hz, high Hz) of `wave` (S,), steeply; add `phase` (Hz, radians) if given."""
    margin = SAMPLE_RATE // 20  # lest the filter rings from the end into the start
    size = fft.next_fast_len(len(wave) + 2 * margin, real=True)
    hertz = np.maximum(fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
    gain = 1 / np.sqrt((1 + (band[0] / hertz) ** 32) * (1 + (hertz / band[1]) ** 256))
    if phase is not None:
        gain = gain * np.exp(1j * np.interp(hertz, *phase))
    return fft.irfft(fft.rfft(wave, size) * gain, size)[: len(wave)]


def background(shape, length, draw):
    """Noise (length,) that sounds like the recording from which `shape` was taken."""
    settle = 1000  # samples until the filter has forgotten its start
    return lfilter([1.0], shape, draw.standard_normal(length + settle))[settle:]


def missing_noise(wave, noise, floor_db):
    """`noise`, scaled to raise the floor of `wave` to `floor_db` below its level.

    Where it is that high already, 10 dB less than that: no wave goes without.
    """
    wanted = np.mean(wave**2) * 10 ** (-floor_db / 10)
    missing = max(wanted - floor_power(wave), wanted / 10)
    return noise * np.sqrt(missing / np.mean(noise**2))


def floor_power(wave):
    """Mean power of the quietest tenth of the 25 ms frames of `wave`."""
    power = np.sort(np.mean(framed(wave) ** 2, axis=1))
    return np.mean(power[: max(1, len(power) // 10)])


def framed(wave):
    """Frames (T, 400) of 25 ms, every 12.5 ms."""
    if len(wave) < FRAME:
        return np.zeros((0, FRAME))
    return np.lib.stride_tricks.sliding_window_view(wave, FRAME)[:: FRAME // 2]


def through_codec(wave, codec):
    """Encode and decode `wave` (S,) in memory; as long as before, on 16-bit steps before."""
    samples = np.round(np.clip(wave, -1, 32767 / 32768) * 32768).astype(np.int16)
    if codec == "none":
        return samples / 32768
    if codec == "g722":
        decoded = decode_g722(encode_g722(samples))
    else:
        import soundfile

        container, subtype = CONTAINERS[codec]
        stream = io.BytesIO()
        soundfile.write(stream, samples, SAMPLE_RATE, format=container, subtype=subtype)
        stream.seek(0)
        decoded, _ = soundfile.read(stream)
    return np.pad(decoded, (0, max(0, len(wave) - len(decoded))))[: len(wave)]


def encode_g722(samples):
    """64 kbit/s G.722 of `samples` (S,) int16 at 16 kHz."""
    from G722 import G722

    return G722(SAMPLE_RATE, 64000).encode(samples)


def to_level(wave, decibels):
    """Scale `wave` to an RMS of `decibels` relative to full scale; less where it would clip."""
    scaled = wave * (10 ** (decibels / 20) / np.sqrt(np.mean(wave**2)))
    return scaled * min(1.0, 0.99 / np.abs(scaled).max())
