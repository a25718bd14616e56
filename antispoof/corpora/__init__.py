"""Corpora as they are published: readers of their lists and folders, and stage 1 on both.

A recipe's local/prepare_data.py says what its corpus looks like, as a `Corpus` of `Set`s, each with
a `Protocol` (the corpus's own list of utterances) or `Folders` (where names of folders alone say
the class), and calls `prepare`. Nothing here knows any corpus.
"""

from .asv import AsvFiles
from .corpus import Corpus, Lists, Set
from .folders import Folders
from .frame_labels import FrameLabels
from .own import own_sets
from .prepare import prepare
from .protocol import Protocol

__all__ = [
    "AsvFiles",
    "Corpus",
    "Folders",
    "FrameLabels",
    "Lists",
    "Protocol",
    "Set",
    "own_sets",
    "prepare",
]
