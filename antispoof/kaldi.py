"""Entries of Kaldi archives, read so that a table cannot run code.

kaldiio runs `command |` for whoever names it and unpickles an entry that says it is a pickle; here
a place is a file and an offset, and the kind of its entry is checked before anything reads it.
"""

import kaldiio.matio

from .errors import UserError

MATRIX = (b"\0B",)
SOUND = (b"RIFF", b"fLaC", b"AUDIO")


def read_entry(place, utt, kinds):
    """What stands at `place`, `path:offset`: an array, or (rate, samples) where kinds is SOUND.

    kinds: MATRIX or SOUND, the first bytes that the entry may have. Raises UserError naming `place`
    and `utt` where there is no such file, no such entry, or one of another kind.
    """
    path, _, offset = place.rpartition(":")
    if not path or not offset.isdigit():
        raise UserError(f"{place}: {utt}: wanted `path:offset` of an archive; never a pipe")
    try:
        with open(path, "rb") as stream:
            stream.seek(int(offset))
            if not stream.read(max(map(len, kinds))).startswith(kinds):
                raise ValueError("no entry of the wanted kind starts there")
            stream.seek(int(offset))
            return kaldiio.matio.read_kaldi(stream)
    except FileNotFoundError:
        raise UserError(f"{place}: {utt}: no such archive; run the stage that makes it") from None
    except (OSError, ValueError, AssertionError, EOFError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{place}: {utt}: cannot be read ({reason}); was it cut or moved?"
        ) from None
