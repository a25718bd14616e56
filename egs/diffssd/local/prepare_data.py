#!/usr/bin/env python3
"""Stage 1 of DiffSSD: from train_val_test_splits.csv to data/eval, or train, dev and all of it.

The first line is `filename,label,set`; 0 is real. The generator, the folder of a spoof below
generated_speech/, is the attack. Real speech comes apart: LibriSpeech/ and LJSpeech-1.1/wavs/,
which the list writes librispeech and ljspeech, are looked for in CORPUS and in --real.

example:
  local/prepare_data.py --corpus DiffSSD --real SPEECH --out data --sets whole
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Lists, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

PLACES = {"librispeech": "LibriSpeech", "ljspeech": "LJSpeech-1.1/wavs"}
SETS = {"train": "train", "val": "dev", "test": "eval"}


def names(row):
    """The path as it is on disk, and the generator."""
    first, slash, rest = row["utt"].removeprefix("generated_speech/").partition("/")
    row["utt"] = f"{PLACES.get(first, first)}{slash}{rest}"
    row["attack"] = "-" if row["label"] == "0" else first


def part(real, name):
    """One of the three sets, or all."""
    protocol = Protocol(
        "train_val_test_splits.csv",
        columns={"utt": "filename", "label": "label", "part": "set"},
        labels={"0": "bonafide", "1": "spoof"},
        words={"part": SETS},
        path="{utt}.*",
        folders=("generated_speech", ".", real),
        where={} if name == "whole" else {"part": name},
        sep=",",
        edit=names,
    )
    counts = (None, 70000) if name == "whole" else None
    lists = Lists("part", dict.fromkeys(SETS.values())) if name == "whole" else None
    return Set(protocol, counts, lists, allow=CONVERSIONS)


def corpus(real):
    """With the folder of real speech."""
    return Corpus(
        **about(__file__),
        version="purdueviperlab/diffssd",
        sets={name: part(real, name) for name in (*SETS.values(), "whole")},
        usual=("eval",),
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    text = "holds LibriSpeech and LJSpeech-1.1; default: the corpus"
    parser.add_argument("--real", default=".", metavar="DIR", help=text)
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args.real), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/diffssd/local/prepare_data.py"):
        main()
