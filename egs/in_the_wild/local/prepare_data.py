#!/usr/bin/env python3
"""Stage 1 of In-the-Wild: from CORPUS/meta.csv to data/eval.

The first line of meta.csv is `file,speaker,label`; another is `0.wav,Alec Guinness,spoof`. The
classes are `bona-fide` and `spoof`; no attack is known. Sounds are WAVs of 32-bit floats.

example:
  local/prepare_data.py --corpus release_in_the_wild --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

META = Protocol(
    ("meta.csv", "protocols/meta.csv"),
    columns={"utt": "file", "speaker": "speaker", "label": "label"},
    labels={"bona-fide": "bonafide", "spoof": "spoof"},
    path="{utt}.wav",
    sep=",",
)
CORPUS = Corpus(
    **about(__file__),
    version="release_in_the_wild",
    sets={"eval": Set(META, counts=(19963, 11816))},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/in_the_wild/local/prepare_data.py"):
        main()
