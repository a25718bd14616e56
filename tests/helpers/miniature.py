"""Corpora in small: trees with a corpus's own layout, names and columns, built from a few sounds.

tests/helpers/miniatures/<recipe>.py describes one, by these names:

    LIST     a list of the corpus, below its root, with one line an utterance; "" where it has none
    SETS     {data directory: (bona fide, spoof)} that are found in it
    FACTORS  {data directory: names of tables utt2<factor> next to those that every set has}
    build    a function that writes the tree: build(tree), of a `Tree`
    TRAPS    {a sentence: (change(tree), words of the refusal)}; or, in place of the words, a
             function check(out, said) of the data directories that are made all the same, and of
             what preparation says
    LOCAL    words of local/prepare_data.py that this recipe is called with besides; [] if not there
    COUNTED  optional: False where no count of the corpus is published
    ANYWHERE optional: True where sounds may be in any folder, so that no folder is too far above
    CACHED   optional: True where every sound is decoded into the cache, and none stays
    SUM      optional: {data directory: {list of trials: (bona fide, spoof)}}
"""

import contextlib
import functools
import importlib
import io
import itertools
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import soundfile
from made_up import ROOT
from sounds import RATE, sound

from antispoof.paths import cache_folder

NAMES = sorted(path.stem for path in Path(__file__).with_name("miniatures").glob("[a-z]*.py"))
OFFSET = 800  # samples by which each sound of one source begins later


@functools.cache
def sources():
    """{label: a few waves at 16 kHz} of the embedded corpus where it is built, or else made up."""
    for index in sorted(cache_folder().glob("mini/small-*/index.jsonl")):
        rows = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
        rows = sorted((row for row in rows if 1.5 < row["seconds"] < 2), key=lambda row: row["utt"])
        found = {}
        for row in rows:
            path = index.parent / "wav" / row["split"] / f"{row['utt']}.flac"
            if path.is_file():
                label = "bonafide" if row["attack"] == "-" else "spoof"
                found.setdefault(label, []).append(soundfile.read(path, dtype="float32")[0])
        if min(len(found.get(label, [])) for label in ("bonafide", "spoof")) >= 4:
            return {label: waves[:8] for label, waves in found.items()}
    made = {"bonafide": 0.0, "spoof": 0.05}
    return {
        label: [sound(f"{label}{n}", 1.6, tone) for n in range(8)] for label, tone in made.items()
    }


class Tree:
    """A folder that becomes a corpus."""

    def __init__(self, root):
        self.root = Path(root)
        self.numbers = itertools.count()

    def file(self, name):
        """The path of `name` below the root, whose folder is there."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def wave(self, label, seconds=1.0):
        """(S,) float32 at 16 kHz: another one at each call."""
        number = next(self.numbers)
        waves = sources()[label]
        start = OFFSET * (number // len(waves) % 8)
        return waves[number % len(waves)][start : start + int(seconds * RATE)]

    def sound(self, name, label="bonafide", *, rate=RATE, channels=1, seconds=1.0, **form):
        """Write a sound; form: soundfile's `format` and `subtype`, by default those of the name."""
        wave = self.wave(label, seconds)
        if channels > 1:
            wave = np.stack([wave] * channels, 1)
        soundfile.write(self.file(name), wave, rate, **form)

    def lines(self, name, lines, *, end="\n", last=True):
        """Write a list; last: whether its last line ends too."""
        text = end.join(lines) + (end if last else "")
        self.file(name).write_bytes(text.encode())

    def append(self, name, line):
        """Add a line to a list."""
        with open(self.root / name, "ab") as stream:
            stream.write(f"{line}\n".encode())

    def replace(self, name, old, new):
        """Change a text within a list, where it stands first."""
        text = (self.root / name).read_text("utf-8")
        assert old in text, (name, old)
        (self.root / name).write_bytes(text.replace(old, new, 1).encode())

    def move(self, old, new):
        """Give a file or folder another name."""
        (self.root / old).rename(self.file(new))

    def flac_with_a_wrong_checksum(self, name):
        """libsndfile refuses it; its samples are whole."""
        path = self.root / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def flac_without_a_length(self, name):
        """Its header gives a total of 0 samples, which is allowed."""
        path = self.root / name
        data = path.read_bytes()
        packed = int.from_bytes(data[18:26], "big") >> 36 << 36
        path.write_bytes(data[:18] + packed.to_bytes(8, "big") + data[26:])

    def cut(self, name):
        """Keep the first half of a file."""
        path = self.root / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def load(recipe):
    """The description of a recipe's miniature."""
    return importlib.import_module(f"miniatures.{recipe}")


def grow(recipe, root):
    """Build a recipe's miniature in `root`; returns its Tree."""
    tree = Tree(root)
    load(recipe).build(tree)
    return tree


def run(program, *words):
    """Run a worker in this process, as a program; (status, stdout, why it ended)."""
    before, out, why = sys.argv, io.StringIO(), None
    sys.argv = [program, *map(str, words)]
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(str(ROOT / program), run_name="__main__")
    except SystemExit as error:
        why = error.code
    finally:
        sys.argv = before
    return int(bool(why)), out.getvalue(), str(why or "")


def prepare(recipe, tree, out, *options):
    """Run a recipe's own local/prepare_data.py; (status, stdout, why it ended)."""
    words = ["--corpus", tree.root, "--out", out, *getattr(load(recipe), "LOCAL", []), *options]
    return run(f"egs/{recipe}/local/prepare_data.py", *words)


def validate(data):
    """Run utils/validate_data_dir.py on a data directory, with its sounds."""
    return run("utils/validate_data_dir.py", "--allow", "resample", "mixdown", "--", data)
