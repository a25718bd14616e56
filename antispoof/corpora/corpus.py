"""What a recipe says of its corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .asv import AsvFiles
from .folders import Folders
from .frame_labels import FrameLabels
from .protocol import Protocol

# (bona fide, spoof), with None where one is not known; both together; not known
Count = tuple[int | None, int | None] | int | None
Reader = Protocol | Folders


@dataclass(frozen=True)
class Lists:
    """Named trials of a set: those with one word each in a column, `trials/<word>`.

    counts {word: Count}: every word that the column may hold, with how many trials are expected.
    published: the list that others publish numbers of, which evaluation takes by default.
    """

    column: str
    counts: Mapping[str, Count]
    published: str = ""


@dataclass(frozen=True)
class Set:
    """One data directory.

    readers: one, or several whose utterances are put together. counts: how many are expected.
    archives {folder or file: its count of sounds}: what the sounds come in, for the message where
    some are missing. allow: conversions that are made here, once, into the cache; without any,
    sounds stay as they are. segments: (seconds, seconds of the shortest), where each sound is cut
    into trials <utt>-00000, -00001, ...; segment_counts: how many of them are expected.
    frames: labels of frames, which become the set's table of segments.
    """

    readers: Reader | Sequence[Reader]
    counts: Count = None
    lists: Lists | None = None
    asv: AsvFiles | None = None
    archives: Mapping[str, int] = field(default_factory=dict)
    allow: Sequence[str] = ()
    segments: tuple[float, float] | None = None
    segment_counts: Count = None
    frames: FrameLabels | None = None

    def each_reader(self) -> Sequence[Reader]:
        """The readers, also where it is one."""
        return [self.readers] if isinstance(self.readers, Protocol | Folders) else self.readers


@dataclass(frozen=True)
class Corpus:
    """A corpus: its sets by the name of the data directory, and what PROVENANCE says of it.

    hints {pattern of a file's name: why it is not what is looked for}: for the message where a list
    is missing and such a file is there. usual: the sets that are prepared where the user names
    none, by default all.
    """

    name: str
    version: str
    licence: str
    home: str
    sets: Mapping[str, Set]
    hints: Mapping[str, str] = field(default_factory=dict)
    usual: Sequence[str] = ()
