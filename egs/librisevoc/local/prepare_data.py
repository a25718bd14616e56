#!/usr/bin/env python3
"""Stage 1 of LibriSeVoc: from CORPUS/test.txt to data/eval, or train and dev too.

A line of test.txt is `27_123349_000006_000000.wav`: of each, gt/ has the bona fide speech, and six
folders have what a vocoder made of it, <stem>_gen.wav. The lists train.txt, dev.txt and test.txt
are in the authors' repository alone: put them in CORPUS.

example:
  local/prepare_data.py --corpus LibriSeVoc --out data --sets train,dev,eval
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

VOCODERS = ("diffwave", "melgan", "parallel_wave_gan", "wavegrad", "wavenet", "wavernn")


def reader(file, folder):
    """The speech of one folder."""

    def name(row):
        row["_stem"] = row["utt"]
        row["speaker"] = row["utt"].partition("_")[0]
        row["utt"] = f"{folder}/{row['utt']}"

    real = folder == "gt"
    return Protocol(
        file,
        columns="utt",
        fixed={"label": "bonafide"} if real else {"label": "spoof", "attack": folder},
        path=f"{folder}/{{_stem}}{'' if real else '_gen'}.wav",
        edit=name,
    )


def part(name, count):
    """One of the three sets."""
    readers = [reader(f"{name}.txt", folder) for folder in ("gt", *VOCODERS)]
    return Set(readers, (count, 6 * count), allow=CONVERSIONS)


CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 15127251",
    sets={"train": part("train", 7920), "dev": part("dev", 2640), "eval": part("test", 2641)},
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/librisevoc/local/prepare_data.py"):
        main()
