"""Reading sound files, and saying what is wrong with a bad one."""

import math
import re
from pathlib import Path

import numpy as np
import soundfile

from .. import SAMPLE_RATE
from ..errors import UserError
from .data_dir import is_pipe

CONVERSIONS = ("resample", "mixdown")  # what a config may allow to be done to a sound
UNKNOWN = 0x7FFF0000  # sizes from here on stand in the header of a WAV that was written to a pipe


def read_wave(path, utt, allow=()):
    """Read one utterance as float32 mono in [-1, 1], shape (samples,), at 16 kHz.

    `path` is a sound file that libsndfile reads, or Kaldi's `ark:offset` of a wave archive; never
    a pipe. `allow` names which of CONVERSIONS may be made. Raises UserError naming `utt` and `path`
    where the sound is missing, empty, truncated, not a sound, not finite, or, unless that is
    allowed, not mono or at another rate.
    """
    if is_pipe(path):
        raise UserError(f"{path}: {utt}: is a shell pipe, which is never run; wanted a sound file")
    samples, rate = _read_ark(path, utt) if re.search(r":\d+$", path) else _read_file(path, utt)
    if samples.ndim != 1 and "mixdown" in allow:
        samples = samples.mean(1)
    if samples.ndim != 1:
        raise UserError(
            f"{path}: {utt}: found {samples.shape[1]} channels, wanted 1; mix it down, "
            f"e.g. sox {path} mono.wav remix -, or allow: [mixdown]"
        )
    if rate != SAMPLE_RATE and "resample" in allow and np.isfinite(samples).all():
        samples, rate = resample(samples, rate), SAMPLE_RATE
    if rate != SAMPLE_RATE:
        raise UserError(
            f"{path}: {utt}: found {rate} Hz, wanted {SAMPLE_RATE} Hz; resample it, "
            f"e.g. sox {path} -r {SAMPLE_RATE} new.wav, or allow: [resample]"
        )
    if samples.size == 0:
        raise UserError(f"{path}: {utt}: holds no sample; take it out of the tables or mend it")
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise UserError(f"{path}: {utt}: sample {first} is {samples[first]}, wanted finite samples")
    return samples


def resample(samples, rate):
    """(S,) float32 at `rate` Hz -> (ceil(S * 16000 / rate),) at 16 kHz, band-limited."""
    from scipy.signal import resample_poly  # late: most sounds need none

    common = math.gcd(rate, SAMPLE_RATE)
    return resample_poly(samples, SAMPLE_RATE // common, rate // common).astype(np.float32)


def _read_file(path, utt):
    if not Path(path).is_file():
        raise UserError(f"{path}: {utt}: no such file; mend wav.scp or bring the file back")
    if Path(path).stat().st_size == 0:
        raise UserError(f"{path}: {utt}: the file is empty; fetch or make it again")
    try:
        with soundfile.SoundFile(path) as sound:
            samples, rate, frames = sound.read(dtype="float32"), sound.samplerate, sound.frames
        with open(path, "rb") as stream:
            _require_whole_wav(stream, path, utt)
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: headerless .raw
        reason = str(error).rstrip(".").split(": ")[-1]
        raise UserError(
            f"{path}: {utt}: cannot be decoded ({reason}); truncated, or not a sound file?"
        ) from None
    if len(samples) != frames:
        raise UserError(
            f"{path}: {utt}: found {len(samples)} samples, its header says {frames}; truncated?"
        )
    return samples, rate


def _read_ark(place, utt):
    from .ark import SOUND, read_entry

    rate, samples = read_entry(place, utt, SOUND)
    path, _, offset = str(place).rpartition(":")
    with open(path, "rb") as stream:
        stream.seek(int(offset))
        _require_whole_wav(stream, place, utt)
    if samples.dtype.kind in "iu":
        full = float(1 << (8 * samples.dtype.itemsize - 1))
        samples = samples / full - (samples.dtype.kind == "u")  # eight bits have no sign
    return samples.astype(np.float32), rate


def _require_whole_wav(stream, place, utt):
    """Refuse a WAV that ends before its data; libsndfile and kaldiio read what there is of it."""
    if stream.read(12)[:4] != b"RIFF":
        return
    while len(head := stream.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            here = stream.tell()
            lost = here + size - stream.seek(0, 2)
            if lost > 0 and size < UNKNOWN:
                raise UserError(
                    f"{place}: {utt}: lacks {lost} bytes of {size} that its header says; truncated?"
                )
            return
        stream.seek(size + size % 2, 1)
