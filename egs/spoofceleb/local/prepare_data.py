#!/usr/bin/env python3
"""Stage 1 of SpoofCeleb: from metadata/evaluation.csv to data/eval, or train and dev too.

The first line is `file,speaker,attack`; another is
`a00/id10318/YYsxcZ5saac-00002-006.flac,id10318,a00`. The attack a00 is bona fide speech. Names of
files stand in several folders, so an id has the whole path. The lists in protocol/ are not read.

example:
  local/prepare_data.py --corpus spoofceleb --out data --sets dev,eval
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

LABELS = {"a00": "bonafide", **{f"a{number:02d}": "spoof" for number in range(1, 24)}}


def part(name, counts):
    """One of the three sets."""
    file = f"metadata/{name}.csv"
    protocol = Protocol(
        (file, f"spoofceleb/{file}"),
        columns={"utt": "file", "speaker": "speaker", "attack": "attack", "label": "attack"},
        labels=LABELS,
        no_attack=("a00",),
        sep=",",
        folders=(f"flac/{name}", f"spoofceleb/flac/{name}"),
    )
    return Set(protocol, counts)


CORPUS = Corpus(
    **about(__file__),
    version="jungjee/spoofceleb",
    sets={
        "train": part("train", None),
        "dev": part("development", None),
        "eval": part("evaluation", (9113, 82017)),
    },
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/spoofceleb/local/prepare_data.py"):
        main()
