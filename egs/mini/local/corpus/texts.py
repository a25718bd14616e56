"""What the synthesisers read: descriptions of stamps and the lines of a game, in many languages.

A text belongs to one split alone: to that of the person who reads it; where nobody does, to the
split of its language; where two splits share the language, to the one that its hash draws.
"""

import re

from .environment import folder
from .recordings import dialogues, normalise, stamp_texts
from .request import stable_seed

LENGTH = (18, 58)  # characters: about 1.2 to 4 seconds, as long as what the people say
READABLE = re.compile(r"[^\W\d_]+(?:[ ,.!?;:'’-]+[^\W\d_]+)*[.!?]*")  # words, no figures or signs
NOT_READ = "festvox-ru"  # the unit-selection voice would play these recordings back
DIALOGUE_LANGUAGES = ("bg", "cs", "es", "fr", "it", "nl", "ru")


def by_split(recordings, splits):
    """{split: {language: sorted texts}}.

    `splits` is {split: set of (speaker, language)}; the texts of other speakers than those, and of
    the recordings that a synthesiser is made of, are read by none.
    """
    owner = {
        (recording.lang, normalise(recording.text)): _split_of(recording, splits)
        for recording in recordings
        if recording.text
    }
    chosen = {split: {lang: {} for _, lang in speakers} for split, speakers in splits.items()}
    for lang, text in sorted(candidates(recordings)):
        key = (lang, normalise(text))
        homes = [split for split in sorted(splits) if lang in chosen[split]]
        if key in owner:
            home = owner[key]
        else:
            home = homes[stable_seed(*key) % len(homes)] if homes else None
        if home in homes:
            chosen[home][lang].setdefault(key[1], text)
    return {
        split: {lang: sorted(texts.values()) for lang, texts in languages.items()}
        for split, languages in chosen.items()
    }


def _split_of(recording, splits):
    if recording.package == NOT_READ:
        return None
    speaker = (recording.speaker, recording.lang)
    return next((split for split in splits if speaker in splits[split]), None)


def candidates(recordings):
    """The set of (language, text) fit to be read aloud."""
    found = {(recording.lang, recording.text) for recording in recordings}
    for path in (folder("tuxpaint-stamps-default") / "usr/share/tuxpaint/stamps").rglob("*.txt"):
        found.update(stamp_texts(path).items())
    for lang in DIALOGUE_LANGUAGES:
        for _, english, text in dialogues(lang).values():
            found.update({("en", english), (lang, text)})
    return {(lang, text.strip()) for lang, text in found if is_readable(text.strip())}


def is_readable(text):
    """Whether `text` is plain words of a length that suits, without figures or abbreviations."""
    return LENGTH[0] <= len(text) <= LENGTH[1] and bool(READABLE.fullmatch(text))
