#!/usr/bin/env python3
"""Stage 1 of ASVspoof 2019, logical access: from the lists of CORPUS to data/{train,dev,eval}.

CORPUS is the folder LA. A line of its lists is `LA_0039 LA_E_2834763 - A11 spoof`: speaker,
utterance, nothing, attack (- for bona fide), class. A line of the ASV scores is `A07 spoof 3.41`.

example:
  local/prepare_data.py --corpus CORPUS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import AsvFiles, Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

SIZES = {"train": (2580, 22800), "dev": (2548, 22296), "eval": (7355, 63882)}  # bona fide, spoof


def part(name):
    """One of the three sets; the list of train alone ends in .trn."""
    form = "trn" if name == "train" else "trl"
    protocol = Protocol(
        f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.{form}.txt",
        columns="speaker utt - attack label",
        folders=f"ASVspoof2019_LA_{name}/flac",
    )
    asv = AsvFiles(f"ASVspoof2019_LA_asv_scores/ASVspoof2019.LA.asv.{name}.gi.trl.scores.txt")
    return Set(protocol, SIZES[name], asv=asv if name != "train" else None)


CORPUS = Corpus(
    **about(__file__),
    version="LA.zip of Edinburgh DataShare 10283/3336",
    sets={name: part(name) for name in SIZES},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoof2019_la/local/prepare_data.py"):
        main()
