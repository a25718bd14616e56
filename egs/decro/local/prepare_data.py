#!/usr/bin/env python3
"""Stage 1 of DECRO: from its lists to data/eval_en and data/eval_ch, or train and dev too.

Lines of en_eval.txt are `unknown 20032123 - baidu spoof` and, of ch_eval.txt, `G0019
T0055G0019S0420 - aidatatang bonafide`: speaker, utterance, -, system, class. The fourth column of
bona fide speech is the corpus that it is from: utt2source. Sounds are <list without
.txt>/<utt>.wav.

example:
  local/prepare_data.py --corpus petrichorwq-DECRO-dataset-6fc9884 --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

INNER = "petrichorwq-DECRO-dataset-6fc9884"
COUNTS = {
    "en": {"train": (5128, 17413), "dev": (3049, 10503), "eval": (4306, 14884)},
    "ch": {"train": (9000, 17850), "dev": (6109, 12015), "eval": (6109, 12015)},
}


def source(row):
    """Bona fide speech names its source where spoofs have their attack."""
    bonafide = row["label"] == "bonafide"
    row["source"] = row["attack"] if bonafide else "-"
    row["attack"] = "-" if bonafide else row["attack"]
    row["speaker"] = "-" if row["speaker"] == "unknown" else row["speaker"]


def part(name, counts):
    """One set, as en_eval."""
    protocol = Protocol(
        (f"{name}.txt", f"{INNER}/{name}.txt"),
        columns="speaker utt - attack label",
        path="{utt}.wav",
        folders=(name, f"{INNER}/{name}"),
        edit=source,
    )
    return Set(protocol, counts, allow=CONVERSIONS)


CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 7603208",
    sets={
        f"{name}_{language}": part(f"{language}_{name}", counts)
        for language, sets in COUNTS.items()
        for name, counts in sets.items()
    },
    usual=("eval_en", "eval_ch"),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/decro/local/prepare_data.py"):
        main()
