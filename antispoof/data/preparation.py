"""What stage 1 does with a sound of any form: how long it lasts, one that is ready, its segments.

A recipe that makes sounds ready names the conversions that it allows; its wav.scp then names files
of 16 kHz mono, which any model reads, whatever its config allows.
"""

from collections.abc import Collection
from pathlib import Path

import soundfile

from .. import SAMPLE_RATE
from .audio import REFUSALS, read_wave, require_file
from .containers import container_of
from .conversion import require_allowed
from .sound_cache import container_place, find, keep, place_of


def ready(path: str | Path, utt: str, allow: Collection[str] = ()) -> tuple[Path, float]:
    """(a file of 16 kHz mono, its seconds) of the sound at `path`.

    That is `path` where it needs nothing, or else a file of the cache, made once. Of a WAV or FLAC
    that needs nothing, the header alone is read: validation decodes it. Raises UserError as
    `read_wave` does.
    """
    path = Path(path).absolute()
    require_file(path, utt)
    kind = container_of(path)
    if kind:
        place = container_place(str(path), utt, kind, allow)
        return place, soundfile.info(place).frames / SAMPLE_RATE
    form = _header(path)
    if form and form.samplerate == SAMPLE_RATE and form.channels == 1:
        return path, form.frames / SAMPLE_RATE
    if form is None:  # as of a FLAC whose header gives no length
        return path, len(read_wave(str(path), utt, allow)) / SAMPLE_RATE
    note = f"{form.channels} {form.samplerate}"
    place = place_of(path.read_bytes())
    require_allowed(form.channels, form.samplerate, str(path), utt, allow)
    found = find(place)
    wave = (
        found[1] if found else keep(place, read_wave(str(path), utt, allow), note, str(path), utt)
    )
    return place, len(wave) / SAMPLE_RATE


def segments(
    path: str | Path, utt: str, seconds: float, least: float, allow: Collection[str] = ()
) -> list[tuple[Path, float]]:
    """(file of the cache, its seconds) of each piece of `seconds` that a sound is cut into.

    The last piece is kept where it lasts `least` seconds or more; a shorter sound has none. Raises
    UserError as `read_wave` does.
    """
    wave = read_wave(str(path), utt, allow)
    length, shortest = round(seconds * SAMPLE_RATE), round(least * SAMPLE_RATE)
    data = Path(path).read_bytes()
    found = []
    for number, start in enumerate(range(0, len(wave), length)):
        piece = wave[start : start + length]
        if len(piece) < shortest:
            break
        place = place_of(data, f"{length}_{number:05d}")
        there = find(place)
        if there is None or len(there[1]) != len(piece):
            keep(place, piece, f"from {start}", str(path), utt)
        found.append((place, len(piece) / SAMPLE_RATE))
    return found


def _header(path):
    """What a file's header says, or None where it gives no length, or libsndfile knows none."""
    try:
        form = soundfile.info(path)
    except REFUSALS:
        return None
    return form if 0 < form.frames < 1 << 40 else None
