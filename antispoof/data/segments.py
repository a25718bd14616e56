"""The table `segments` of a data directory: which parts of each sound are spoofed.

A line is `utt start end label`, in seconds: `call_07 0.000 1.240 bonafide`. The lines of an
utterance follow each other from 0 to its end, without a gap; an utterance is spoof where any of its
segments is. Kaldi's table of this name says where to cut a recording, and is refused.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import LABELS
from ..errors import UserError
from ..files import atomic_open, await_file
from .tables import number_of, require_end

Span = tuple[float, float, str]  # start, end, label
Segments = dict[str, list[Span]]  # {utterance: its spans in order}
NAME = "segments"
NEAR = 0.05  # seconds by which the last segment may miss the end of the sound by utt2dur


def read_segments(
    data_dir: str | Path, durations: Mapping[str, float], labels: Mapping[str, str] | None = None
) -> Segments:
    """Segments of every utterance of `durations` {utterance: seconds}, by data_dir/segments.

    labels: {utterance: class}, which the segments are to agree with. Raises UserError with
    `file:line` for a line of another form, an unknown or missing utterance, lines out of order, a
    gap, an overlap, an end that is not that of the sound, or a class that segments contradict.
    A last segment that ends within NEAR of the sound ends with it.
    """
    path = Path(data_dir) / NAME
    await_file(path)
    if not path.is_file():
        raise UserError(f"{path}: is missing; a model of frames needs it: see docs/localisation.md")
    found: Segments = {}
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    require_end(text, path)
    last, lines = "", text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        utt, span = _parse(line, path, number, durations)
        if utt.encode() < last.encode():
            raise UserError(f"{path}:{number}: '{utt}' after '{last}' is out of order; sort it")
        last = utt
        _follow(found.setdefault(utt, []), span, f"{path}:{number}: '{utt}'")
    return whole_sounds(path, found, durations, labels)


def _parse(line, path, number, durations):
    words = line.split(" ")
    if len(words) == 4 and words[0] not in durations and words[1] in durations:
        raise UserError(
            f"{path}: sounds are read whole; cut them into files of their own, and remove it "
            f"(line {number} has Kaldi's form, wanted `utt start end label`)"
        )
    try:
        utt, start, end, label = words
        span = number_of(start), number_of(end), label
    except ValueError:
        raise UserError(f"{path}:{number}: found {line!r}, wanted `utt start end label`") from None
    if utt not in durations:
        raise UserError(f"{path}:{number}: '{utt}' is not in wav.scp")
    if label not in LABELS:
        raise UserError(f"{path}:{number}: '{utt}' is '{label}', wanted {' or '.join(LABELS)}")
    if not (0 <= span[0] < span[1] < math.inf):
        raise UserError(
            f"{path}:{number}: '{utt}': found {start} to {end}, wanted seconds, upwards"
        )
    return utt, span


def _follow(spans, span, place):
    """Add a span that begins where the last one ends."""
    before = spans[-1][1] if spans else 0.0
    if abs(span[0] - before) > 1e-6:
        raise UserError(
            f"{place}: a segment begins at {span[0]:g} s, wanted {before:g} s, where the one "
            "before it ends; segments have no gaps and no overlaps"
        )
    spans.append((before, span[1], span[2]))


def whole_sounds(
    path: str | Path,
    found: Segments,
    durations: Mapping[str, float],
    labels: Mapping[str, str] | None = None,
) -> Segments:
    """The segments `found` in `path`, which end with the sound by utt2dur.

    Raises UserError where an utterance has none, where the last one does not end within NEAR of the
    sound's end or begins behind it, or where they contradict the classes `labels`.
    """
    for utt, seconds in durations.items():
        if utt not in found:
            raise UserError(f"{path}: '{utt}' is missing, though wav.scp has it")
        start, end, label = found[utt][-1]
        if abs(end - seconds) > NEAR or round(start, 6) >= round(seconds, 6):
            raise UserError(
                f"{path}: '{utt}': its last segment is from {start:g} to {end:g} s, the sound ends "
                f"at {seconds:g} s by utt2dur"
            )
        found[utt][-1] = (start, seconds, label)
        if labels is not None and labels[utt] != whole_label(found[utt]):
            raise UserError(
                f"{path}: '{utt}': its segments make it {whole_label(found[utt])}, utt2label says "
                f"{labels[utt]}; an utterance is spoof where any of its segments is"
            )
    return found


def whole_label(spans: Sequence[Span]) -> str:
    """The class of an utterance by its segments."""
    return "spoof" if any(label == "spoof" for _, _, label in spans) else "bonafide"


def until(spans: Sequence[Span], seconds: float) -> list[Span]:
    """The segments of the first `seconds` of a sound."""
    kept = [(a, min(b, seconds), label) for a, b, label in spans if a < seconds - 1e-6]
    return [*kept[:-1], (kept[-1][0], seconds, kept[-1][2])]


def merged(spans: Sequence[Span]) -> list[Span]:
    """The same segments, with neighbours of one class as one."""
    out: list[Span] = []
    for start, end, label in spans:
        if out and out[-1][2] == label:
            out[-1] = (out[-1][0], end, label)
        else:
            out.append((start, end, label))
    return out


def write_segments(data_dir: str | Path, segments: Mapping[str, Sequence[Span]]) -> None:
    """Write data_dir/segments, utterances in C order, seconds to the microsecond."""
    with atomic_open(Path(data_dir) / NAME) as stream:
        for utt in sorted(segments, key=str.encode):
            for start, end, label in segments[utt]:
                stream.write(f"{utt} {start:.6f} {end:.6f} {label}\n")
