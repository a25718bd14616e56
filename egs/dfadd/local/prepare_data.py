#!/usr/bin/env python3
"""Stage 1 of DFADD: from folders of CORPUS to data/eval, or train and dev too.

DATASET_<generator>/test/ has spoofs, DATASET_VCTK_BONAFIDE/test/ bona fide speech, as WAV and FLAC.
One name stands in several folders, so an id has its folders.

example:
  local/prepare_data.py --corpus DFADD --out data --sets train,dev,eval
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

GENERATORS = "GradTTS|MatchaTTS|NaturalSpeech2|PflowTTS|StyleTTS2"


def label(row):
    """The class of a folder, and its generator as the attack."""
    real = row["_folder"] == "VCTK_BONAFIDE"
    row["label"] = "bonafide" if real else "spoof"
    row["attack"] = "-" if real else row["_folder"]


def part(folder, counts):
    """One of the three sets."""
    pattern = f"DATASET_{{_folder:{GENERATORS}|VCTK_BONAFIDE}}/{folder}/**/{{stem}}"
    return Set(Folders(pattern, edit=label), counts, allow=CONVERSIONS)


CORPUS = Corpus(
    **about(__file__),
    version="isjwdu/DFADD, of 04/2025 or later",
    sets={
        "train": part("train", None),
        "dev": part("valid", None),
        "eval": part("test", (755, 3000)),
    },
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/dfadd/local/prepare_data.py"):
        main()
