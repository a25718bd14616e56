#!/usr/bin/env python3
"""Stage 1 of Codecfake (Xie): from CORPUS/label to data/eval_c1 ... eval_a3, or train and dev.

Lines are `SSB13650058.wav real 0` and `F01_SSB13650058.wav fake 1`: file, class, number of the
codec, 0 for real. Sounds of the list with `C1` in its name are in CORPUS/C1. The attack is what a
name begins with, F01, or else class_<number>; the speaker is that of AISHELL-3 or VCTK, SSB1365 or
p225.

example:
  local/prepare_data.py --corpus Codecfake --out data --sets eval_c7
"""

import argparse
import re

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

COUNTS = {
    "train": 740747,
    "dev": 92596,
    **{f"C{n}": (13228, 13228) for n in range(1, 7)},
    "C7": 145505,
    "A1": (4451, 4451),
    "A2": (4451, 4451),
    "A3": (49274, 49838),
}


def names(row):
    """Attack and speaker, by the name of the file and the number of the class."""
    codec = re.match(r"F\d+(?=_)", row["utt"])
    speaker = re.search(r"(?:^|_)(SSB\d{4}|p\d{3}(?=_))", row["utt"])
    real = row["label"] == "real"
    row["attack"] = "-" if real else codec.group() if codec else f"class_{row['_class']}"
    row["speaker"] = speaker.group(1) if speaker else "-"


def part(name, counts):
    """One set, whose list has `name` in its own."""
    protocol = Protocol(
        f"label/*{name}*.txt",
        columns="utt label _class",
        labels={"real": "bonafide", "fake": "spoof"},
        path="{utt}.wav",
        folders=name,
        edit=names,
    )
    return Set(protocol, counts)


CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 13838106, 13841652, 13853860, 13841216, 13838823, 11125029",
    sets={(f"eval_{n.lower()}" if n[1:].isdigit() else n): part(n, c) for n, c in COUNTS.items()},
    usual=[f"eval_{name.lower()}" for name in COUNTS if name[1:].isdigit()],
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/codecfake_xie/local/prepare_data.py"):
        main()
