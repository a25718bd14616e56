"""What a synthesiser is asked for, and how it says that it could not."""

import dataclasses
import hashlib


@dataclasses.dataclass(frozen=True)
class Request:
    """One utterance that a synthesis system is to make; the same request gives the same samples.

    `text` (in `lang`) is what a text-to-speech system reads; `path` is the human recording that
    copy synthesis and conversion start from. The other one is empty.
    """

    utt: str  # final utterance id
    system: str  # a key of corpus.synthesis.SYSTEMS
    voice: str  # of festival, flite, espeak; '' where the system has one, or draws it from `seed`
    lang: str  # ISO 639-1
    sex: str  # of the speaker of `path`, or wanted of the voice: 'm', 'f' or '?'
    text: str
    path: str
    seed: int  # below 2**32; all that is drawn is drawn from it
    max_seconds: float  # the wave is cut to this; copy synthesis reads no more of `path`


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a system made nothing of a request; `reason` is one line, fit for a log."""

    reason: str


def stable_seed(*parts):
    """A seed below 2**32 from `parts` (strings, numbers): the same on every machine and run."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "little")
