"""How long sounds last, by their headers where those say it."""

import functools
import multiprocessing
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import CONVERSIONS, SAMPLE_RATE
from ..data.flac import HEADER
from ..errors import UserError
from ..progress import Progress

CHUNK = 2048  # sounds that a process is given at a time


def seconds_of(path: str) -> float:
    """Seconds of one sound. Raises UserError where it is none, or its header cannot be read."""
    stream = os.open(path, os.O_RDONLY)  # a fifth of the time of a file object
    try:
        head = os.read(stream, HEADER.size)
    finally:
        os.close(stream)
    if len(head) == HEADER.size and head.startswith(b"fLaC"):
        packed = HEADER.unpack(head)[1]
        if packed & ((1 << 36) - 1):
            return (packed & ((1 << 36) - 1)) / (packed >> 44)
    return _by_decoder(path)


def _by_decoder(path):
    import soundfile  # late: most sounds need none

    from ..data.audio import REFUSALS, read_wave

    try:
        info = soundfile.info(path)
        if 0 < info.frames < 1 << 40:
            return info.frames / info.samplerate
    except REFUSALS:
        pass
    return len(read_wave(path, Path(path).stem, CONVERSIONS)) / SAMPLE_RATE


def _seconds_of_each(measure, paths):
    """(seconds, what is wrong) of each path."""
    found = []
    for path in paths:
        try:
            found.append((measure(path), ""))
        except (UserError, OSError) as error:
            found.append((0.0, str(error)))
    return found


def measure(
    paths: Sequence[str],
    nj: int,
    label: str,
    of_one: Callable[[str], Any] = seconds_of,
    chunk: int = CHUNK,
) -> list[tuple[Any, str]]:
    """(seconds, what is wrong or nothing) of each of `paths`, in `nj` processes.

    of_one: gives what stands there in place of the seconds; chunk: sounds that a process is given
    at a time.
    """
    found: list[tuple[Any, str]] = []
    chunks = [paths[start : start + chunk] for start in range(0, len(paths), chunk)]
    progress = Progress(len(paths), "headers", label)
    work = functools.partial(_seconds_of_each, of_one)
    pool = multiprocessing.Pool(min(nj, len(chunks))) if min(nj, len(chunks)) > 1 else None
    try:
        for part in pool.imap(work, chunks) if pool else map(work, chunks):
            found += part
            progress.advance(len(part))
        if pool:  # which ends by itself, where nothing stopped it
            pool.close()
            pool.join()
    finally:
        if pool:
            pool.terminate()
    progress.close()
    return found
