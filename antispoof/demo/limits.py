"""How much sound the page takes: bytes, which are counted as they arrive, and its length.

A file of some megabytes may hold hours, and a header may lie. So the length is what decoding gives,
and counting stops at the limit.
"""

from collections.abc import Iterator
from pathlib import Path

import soundfile

from ..data.audio import REFUSALS
from ..data.containers import container_of, packets_of
from ..data.flac import read_header
from ..detector.pieces import kind_of
from ..errors import UserError

BYTES = 50_000_000
SECONDS = 600
SAMPLES = SECONDS * 48_000 * 2  # of all channels
PATIENCE = 120  # seconds in which the bytes come


class Refused(UserError):
    """A request that is answered by one line and an HTTP status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def too_large(name: str) -> Refused:
    """Where more bytes come than the page takes."""
    return Refused(
        f"{name}: found more than {BYTES // 1_000_000} MB, wanted at most that; cut it, or "
        "compress it to FLAC or Opus",
        413,
    )


def too_long(name: str) -> Refused:
    """Where a sound lasts longer than the page takes."""
    return Refused(
        f"{name}: found more than {SECONDS // 60} minutes of sound, wanted at most that; cut a "
        "part out of it",
        413,
    )


def too_slow(name: str) -> Refused:
    """Where the bytes do not come in time, and others wait."""
    return Refused(f"{name}: not all of it came in {PATIENCE} s, wanted it sooner; try again", 408)


def require_short(path: str | Path, name: str) -> None:
    """Raise `Refused` where the sound at `path` is too long; `name` is for the message.

    What cannot be decoded passes: reading it says what is wrong.
    """
    for frames, rate, channels in _counted(path):
        if frames > SECONDS * rate:
            raise too_long(name)
        if frames * channels > SAMPLES:
            raise Refused(
                f"{name}: found more samples than {SECONDS // 60} minutes of 48 kHz stereo have; "
                "cut a part out of it, or lower its rate",
                413,
            )


def _counted(path) -> Iterator[tuple[int, int, int]]:
    """(frames so far, rate, channels), as long as there is more to count."""
    try:
        kind = container_of(path) or ("flac" if read_header(path) else None)
        form = None if kind else _info(path)
        if form:
            yield form.frames, form.samplerate, form.channels
        elif kind := kind or kind_of(path):
            yield from _decoded(path, kind)
    except REFUSALS:
        return


def _info(path):
    """What libsndfile says of a file, or None where it does not read it."""
    try:
        return soundfile.info(str(path))
    except REFUSALS:
        return None


def _decoded(path, kind):
    import av  # late: most sounds need none

    with av.open(str(path), "r", format=kind) as container:
        frames = 0
        for parts, _ in packets_of(container, container.streams.audio[:1]):
            for part in parts:
                frames += part.samples
                yield frames, part.sample_rate, len(part.layout.channels)
