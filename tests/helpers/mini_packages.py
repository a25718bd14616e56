"""Made-up Debian packages and recordings for the tests of the embedded corpus."""

import random
import sys
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from corpus import design, environment
from corpus.recordings import Recording

LETTERS = "abdefgiklmnoprstuvz"


def words(draw, count):
    """A text of `count` made-up words, all letters."""
    return " ".join("".join(draw.choices(LETTERS, k=6)) for _ in range(count))


def write_texts(root, languages, stamps=900):
    """Descriptions of stamps in all `languages`, below `root` as the package has them."""
    folder = Path(root) / "usr/share/tuxpaint/stamps/animals"
    folder.mkdir(parents=True)
    draw = random.Random(1)
    for number in range(stamps):
        lines = [words(draw, 4), *(f"{lang}.utf8={words(draw, 4)}" for lang in sorted(languages))]
        (folder / f"{number:04d}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_recordings(number=420):
    """`number` Recordings, without sounds, of everyone in the design, a few with texts."""
    draw, found = random.Random(2), []
    for humans in design.HUMANS.values():
        for speaker, lang in (key.split("/") for key in humans):
            for n in range(number):
                name = f"package/{speaker}/{lang}/{n:04d}"
                text = words(draw, 4) if n % 3 else ""
                seconds = draw.uniform(0.9, 6)
                package = "festvox-ru" if speaker == "nsh" else "package"
                path = Path("/", name)
                recording = Recording(name, path, speaker, lang, "f", package, seconds, text)
                found.append(recording)
    return sorted(found, key=lambda recording: recording.name)


def write_table(path, folders):
    """Write a table of packages, and forget the one that was read before."""
    lines = (f"{package} 1.0 {folder}\n" for package, folder in sorted(folders.items()))
    Path(path).write_text("".join(lines), encoding="utf-8")
    environment.packages.cache_clear()


def sound(path, seconds=1.5, seed=0, rate=16000):
    """Write noise, another one for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    soundfile.write(path, noise, rate)
