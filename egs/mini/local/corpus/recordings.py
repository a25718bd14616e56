"""The index of human recordings in the unpacked packages: who says what, where.

Every function reads the layout of one family of packages. Nothing depends on the order in which a
folder is listed, and a recording's name is its path inside the package, the same everywhere.
"""

import dataclasses
import hashlib
import re
import unicodedata
from pathlib import Path

from antispoof.errors import UserError

from .environment import folder

PROMPT_SPEAKERS = {  # language: (speaker, sex); Allison reads both English and Spanish
    "en": ("allison", "f"),
    "es": ("allison", "f"),
    "fr": ("june", "f"),
    "it": ("carlo", "m"),
    "ru": ("ivrru", "f"),
}
STAMP_SPEAKERS = {  # one volunteer for each language
    **{"bg": "m", "ca": "m", "da": "m", "fr": "m", "ru": "m"},
    **{"be": "f", "el": "f", "es": "f", "ro": "f"},
}
FISH_LANGUAGES = ("cs", "nl")  # the games' little fish (f) and big fish (m): two actors each
FISH = {"small": "f", "big": "m"}
NO_SPEECH = re.compile(r"beep|tone|ascending|dtmf|music|boing")
VOICE = "usr/share/festival/voices/russian/msu_ru_nsh_clunits"
DIALOGUE = re.compile(
    r'dialogId\("([^"]+)",\s*"(?:font_)?([^"]*)",\s*"([^"]*)"\)\s*'
    r'dialogStr\("((?:[^"\\]|\\.)*)"\)'
)


@dataclasses.dataclass(frozen=True)
class Recording:
    """One human utterance; `text` is '' where the package does not tell what is said."""

    name: str  # package/path, the same on every machine
    path: Path
    speaker: str
    lang: str
    sex: str  # 'm', 'f'
    package: str
    seconds: float
    text: str


def collect():
    """All usable recordings, sorted by name, without duplicates."""
    found = [*_stamps(), *_prompts(), *_russian_voice(), *_fish()]
    if not found:
        raise UserError("no recording found in the packages; see tools/debian.sh --data")
    return _without_duplicates(sorted(found, key=lambda recording: recording.name))


def _without_duplicates(recordings):
    """Drop what has the bytes, or the language and text and speaker, of an earlier recording.

    Stamps hold re-encoded copies of one take: only the text tells.
    """
    kept, bytes_seen, texts_seen = [], set(), set()
    for recording in recordings:
        digest = hashlib.md5(recording.path.read_bytes(), usedforsecurity=False).digest()
        text = (recording.lang, normalise(recording.text)) if recording.text else None
        if digest not in bytes_seen and text not in texts_seen:
            kept.append(recording)
        bytes_seen.add(digest)
        if text:
            texts_seen.add(text)
    return kept


def normalise(text):
    """`text` as it counts for being the same text: letters and digits of one case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))


def _seconds(path):
    """(duration, rate) of a sound file."""
    import soundfile

    info = soundfile.info(str(path))
    return info.duration, info.samplerate


def _stamps():
    package = "tuxpaint-stamps-default"
    root = folder(package) / "usr/share/tuxpaint/stamps"
    for path in root.rglob("*_desc_??.ogg"):
        stem, lang = path.name[: -len("_desc_xx.ogg")], path.stem[-2:]
        seconds, rate = _seconds(path) if lang in STAMP_SPEAKERS else (0, 0)
        if rate < 16000:
            continue
        text = stamp_texts(path.with_name(f"{stem}.txt")).get(lang, "")
        name = f"{package}/{path.relative_to(root)}"
        sex = STAMP_SPEAKERS[lang]
        yield Recording(name, path, f"tux_{lang}", lang, sex, package, seconds, text)


def stamp_texts(path):
    """{language: description} of a stamp; `en` is the first line of its file."""
    if not path.exists():
        return {}
    first, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    texts = {"en": first.strip()}
    for line in lines:
        key, _, value = line.partition("=")
        if key.endswith(".utf8"):
            texts[key[: -len(".utf8")]] = value.strip()
    return texts


def _prompts():
    for lang, (speaker, sex) in PROMPT_SPEAKERS.items():
        package = f"asterisk-core-sounds-{lang}-g722"
        root = folder(package) / "usr/share/asterisk/sounds"
        for path in root.rglob("*.g722"):
            name = f"{package}/{path.relative_to(root)}"
            if "/silence/" in name or NO_SPEECH.search(path.name):
                continue
            seconds = path.stat().st_size / 8000  # 64 kbit/s
            yield Recording(name, path, f"ast_{speaker}", lang, sex, package, seconds, "")


def _russian_voice():
    package = "festvox-ru"
    root = folder(package) / VOICE
    index = root / "etc/txt.done.data"
    lines = index.read_text(encoding="utf-8").splitlines() if index.exists() else []
    for line in lines:
        name, text = re.match(r'\( (\S+) "(.*)" \)', line).groups()
        path = root / "wav" / f"{name}.wav"
        text = text.replace("+", "")  # marks of stress
        seconds, _ = _seconds(path)
        yield Recording(f"{package}/{name}", path, "nsh", "ru", "m", package, seconds, text)


def _fish():
    """The two main actors of each language; the minor roles share actors and stay out."""
    for lang in FISH_LANGUAGES:
        package = f"fillets-ng-data-{lang}"
        lines = dialogues(lang)
        root = folder(package) / "usr/share/games/fillets-ng/sound"
        for path in root.glob(f"*/{lang}/*.ogg"):
            role, _, text = lines.get((path.parts[-3], path.stem), ("", "", ""))
            if role in FISH:
                name = f"{package}/{path.relative_to(root)}"
                speaker = f"fil_{lang}_{role}"
                seconds, _ = _seconds(path)
                yield Recording(name, path, speaker, lang, FISH[role], package, seconds, text)


def dialogues(lang):
    """{(level, line): (role, English subtitle, text in `lang`)} of the game's scripts."""
    root = folder("fillets-ng-data") / "usr/share/games/fillets-ng/script"
    lines = {}
    for path in root.glob(f"*/*dialogs_{lang}.lua"):
        for match in DIALOGUE.finditer(path.read_text(encoding="utf-8", errors="replace")):
            name, role, english, text = match.groups()
            lines[path.parent.name, name] = (role, english, text.replace('\\"', '"'))
    return lines
