"""RTTM, in which other tools say which parts of a sound are spoofed: to segments, and from them.

A line is `SPEAKER utt 1 0.000 1.240 <NA> <NA> bonafide <NA> <NA>`: start and length in seconds, and
the class where a speaker's name stands otherwise.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import LABELS
from ..errors import UserError
from ..files import atomic_open
from .segments import NEAR, Segments, Span, merged, whole_sounds
from .tables import number_of

ROUNDED = 0.0015  # seconds by which rounded times of neighbours may differ
FORM = "`SPEAKER utt channel start length <NA> <NA> label <NA> <NA>`"


def read_rttm(
    path: str | Path, durations: Mapping[str, float], labels: Mapping[str, str] | None = None
) -> Segments:
    """Segments of the utterances of `durations` {utterance: seconds}; lines of others are left out.

    So are comments, `;;`, and SPKR-INFO.

    Neighbours whose rounded times differ by a millisecond are joined, and the last segment ends
    with the sound where it comes within 50 ms of that. labels: {utterance: class}, which the
    segments are to agree with. Raises UserError for a line of another form, a class that is none, a
    gap, an overlap, an end that is not that of the sound, an utterance without a line, or a class
    that segments contradict.
    """
    rows: dict[str, list[tuple[Span, str]]] = {}
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__}); wanted RTTM") from None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and words[0] != "SPKR-INFO" and not line.startswith(";;"):
            utt, span = _parse(words, f"{path}:{number}", line, durations)
            if utt in durations:
                rows.setdefault(utt, []).append((span, f"{path}:{number}: '{utt}'"))
    for utt in durations:
        if utt not in rows:
            raise UserError(f"{path}: '{utt}' has no line; wanted the segments of every utterance")
    found = {utt: _joined(sorted(rows[utt]), durations[utt]) for utt in durations}
    return whole_sounds(path, found, durations, labels)


def _parse(words, place, line, own):
    try:
        kind, utt, _, start, length, _, _, label = words[:8]
        begin, span = number_of(start), number_of(length)
    except ValueError:
        raise UserError(f"{place}: found {line!r}, wanted {FORM}") from None
    if kind != "SPEAKER" or not (0 <= begin < math.inf and 0 < span < math.inf):
        raise UserError(f"{place}: found {line!r}, wanted {FORM}")
    if utt in own and label not in LABELS:
        raise UserError(f"{place}: '{utt}' is '{label}', wanted {' or '.join(LABELS)}")
    return utt, (begin, begin + span, label)


def _joined(rows, seconds):
    spans: list[Span] = []
    for (start, end, label), place in rows:
        before = spans[-1][1] if spans else 0.0
        if abs(start - before) > ROUNDED:
            raise UserError(
                f"{place}: a segment begins at {start:g} s, wanted {before:g} s; segments have no "
                "gaps and no overlaps"
            )
        if round(end, 6) <= round(before, 6):  # as they are written
            raise UserError(
                f"{place}: a segment ends at {end:g} s, wanted an end after {before:g} s, where "
                "the one before it ends; take the line out, or give times in more digits"
            )
        spans.append((before, end, label))
    start, end, label = spans[-1]
    if abs(end - seconds) <= NEAR and seconds > start:
        spans[-1] = (start, seconds, label)
    return spans


def write_rttm(path: str | Path, segments: Mapping[str, Sequence[Span]]) -> None:
    """Write segments as RTTM; neighbours of one class are one line."""
    with atomic_open(path) as stream:
        for utt in sorted(segments, key=str.encode):
            for start, end, label in merged(segments[utt]):
                times = f"{start:.6f} {end - start:.6f}"
                stream.write(f"SPEAKER {utt} 1 {times} <NA> <NA> {label} <NA> <NA>\n")
