"""Labels of frames that come with a corpus, as segments of a data directory.

The file is NumPy's form of a dictionary, utterance -> list of '0' (spoof) and '1' (bona fide), one
for each frame. NumPy reads it as a pickle, which could run code: here a reader puts stand-ins in
place of the few names that such a file needs, and refuses any other. No class of NumPy is handed to
a file, since an array of objects takes its pointers from it.
"""

import io
import itertools
import pickle
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ..data.segments import NEAR, Segments, Span, write_segments
from ..errors import UserError
from .places import Missing, find

WORDS = {"0": "spoof", "1": "bonafide"}
KIND = re.compile("[US][0-9]{1,4}|[iu][1248]|[Ob][18]?")  # of an array
BROKEN = (
    *(pickle.UnpicklingError, ValueError, EOFError, OSError, TypeError, AttributeError),
    *(KeyError, IndexError, MemoryError, OverflowError, ImportError, tokenize.TokenError),
)


@dataclass(frozen=True)
class FrameLabels:
    """Where they are: a file, or several of which the first that is there is read.

    seconds: of a frame. Without a file, the set has no segments.
    """

    file: str | Sequence[str]
    seconds: float

    def segments(self, root: Path, columns: Any) -> Segments | None:
        """Segments of a set's `columns`; None where there is no file. Raises UserError.

        An utterance that is bona fide and has no labels is so from its start to its end.
        """
        try:
            path = find(root, self.file)
        except Missing:
            return None
        labels, segments = read_labels(path), Segments()
        rows = zip(columns.keys, columns.ids, columns.labels, columns.seconds, strict=True)
        for key, utt, label, text in rows:
            seconds = float(text)
            if utt in labels:
                segments[key] = spans_of(labels[utt], self.seconds, seconds, f"{path}: '{utt}'")
            elif label == "bonafide":
                segments[key] = [(0.0, seconds, label)]
            else:
                raise UserError(f"{path}: '{utt}' is missing; wanted labels of every spoof")
        return segments

    def write(self, root: Path, out: Path, columns: Any) -> str:
        """Write out/segments of a set's `columns`; returns what to say of it. Raises UserError."""
        segments = self.segments(root, columns)
        if segments is None:
            return "no labels of segments: whole utterances alone are judged"
        write_segments(out, segments)
        return f"segments: {sum(map(len, segments.values()))} of {len(segments)} utterances"


def spans_of(labels: Any, frame: float, seconds: float, place: str) -> list[Span]:
    """Segments of labels of frames; the last one ends with the sound. Raises UserError."""
    words = [str(label) for label in labels] if isinstance(labels, list | np.ndarray) else []
    if not words or not set(words) <= WORDS.keys():
        raise UserError(f"{place}: found {str(labels)[:40]!r}, wanted a list of '0' and '1'")
    if abs(len(words) * frame - seconds) > NEAR:
        raise UserError(
            f"{place}: found labels of {len(words) * frame:g} s, the sound has {seconds:g} s"
        )
    spans: list[Span] = []
    for word, own in itertools.groupby(enumerate(words), key=lambda pair: pair[1]):
        first, *_, last = [number for number, _ in own] * 2
        start, end = first * frame, (last + 1) * frame
        if start < seconds:
            spans.append((start, min(end, seconds), WORDS[word]))
    spans[-1] = (spans[-1][0], seconds, spans[-1][2])
    return spans


def read_labels(path: Path) -> dict[str, Any]:
    """The dictionary in a file by `numpy.save`. Raises UserError for any other file."""
    try:
        stream = io.BytesIO(path.read_bytes())
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, kind = reader(stream)
        if shape != () or kind != np.dtype(object):
            raise ValueError(f"found an array {shape} of {kind}")
        outer = _Plain(stream, encoding="latin1").load()
        if not isinstance(outer, _Array) or not isinstance(outer.data, list) or outer.shape != ():
            raise ValueError("found no array of one object")
        found = outer.data[0]
        if not isinstance(found, dict):
            raise ValueError(f"found a {type(found).__name__}")
        found = {utt: x.read() if isinstance(x, _Array) else x for utt, x in found.items()}
    except BROKEN as error:
        raise UserError(
            f"{path}: wanted a dictionary, utterance to labels of frames, by numpy.save "
            f"({' '.join(str(error).split())[:120]})"
        ) from None
    return found


class _Kind:
    """What a file says of the type of an array."""

    def __init__(self, name: str, *_: Any) -> None:
        if not isinstance(name, str) or not KIND.fullmatch(name):
            raise ValueError(f"found an array of {name!r}")
        self.name, self.order = name, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if state[1] in ("<", ">", "|") else "="


class _Array:
    """What a file says of an array: its shape, its type, and its bytes or objects."""

    def __init__(self, *_: Any) -> None:
        self.shape, self.kind, self.data = None, None, None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.kind, _, self.data = state

    def read(self) -> np.ndarray:
        """The array of numbers or text, one row of them."""
        kind, data = self.kind, self.data
        if not isinstance(kind, _Kind) or kind.name[0] == "O" or not isinstance(data, bytes):
            raise ValueError("found an array within the dictionary that is none of text or numbers")
        values = np.frombuffer(data, np.dtype(kind.order + kind.name))
        if self.shape != values.shape:
            raise ValueError(f"found {values.shape} values for an array of {self.shape}")
        return values


def _encode(text: str, _: str = "") -> bytes:
    return text.encode("latin1")  # as pickles of protocol 2 write bytes


def _reconstruct(*_: Any) -> _Array:
    return _Array()


STAND_INS = {  # of what an array is made of
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
}


class _Plain(pickle.Unpickler):
    """Knows arrays, and what Python writes without a name: text, numbers, lists, dictionaries."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"names {module}.{name}, which is never loaded")
        return STAND_INS[module, name]
