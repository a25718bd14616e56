#!/usr/bin/env python3
"""Stage 1 of ASVspoof 2015: from the lists of CORPUS to data/eval, or train and dev too.

A line is `T2 T2_1000001 human human`: speaker, utterance, method (`human` for bona fide), class.
The sound is CORPUS/wav/<speaker>/<utterance>.wav. Enrolment, EN1000x, is in no list. The list of
eval that came first has ids alone: it is refused.

example:
  local/prepare_data.py --corpus ASVspoof2015 --out data --sets train,dev,eval
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def part(file, counts):
    """One of the three sets."""
    protocol = Protocol(
        (f"CM_protocol/{file}", file),
        columns="speaker utt attack label",
        labels={"human": "bonafide", "spoof": "spoof"},
        no_attack=("human",),
        path="{speaker}/{utt}.wav",
        folders="wav",
    )
    return Set(protocol, counts)


CORPUS = Corpus(
    **about(__file__),
    version="DataShare 10283/853",
    sets={
        "train": part("cm_train.trn", (3750, 12625)),
        "dev": part("cm_develop.ndx", (3497, 49875)),
        "eval": part("cm_evaluation.ndx", (9404, 184000)),
    },
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoof2015/local/prepare_data.py"):
        main()
