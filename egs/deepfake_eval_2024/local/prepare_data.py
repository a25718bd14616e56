#!/usr/bin/env python3
"""Stage 1 of Deepfake-Eval-2024, its sounds: from CORPUS/audio-metadata-publish.csv to data/eval.

Of its columns `Filename` (whose ending may be another than the file's), `Ground Truth` (Real, Fake)
and `Finetuning Set` (Train, Test) are read. data/eval has a trial for each file, as published;
data/eval_segments has one for each 4 s of them. Both are converted into the cache.

example:
  local/prepare_data.py --corpus Deepfake-Eval-2024 --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Lists, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

LABELS = {"real": "bonafide", "fake": "spoof", "unknown": None}
META = Protocol(
    ("audio-metadata-publish.csv", "audio-metadata-publish-with-links.csv"),
    columns={"utt": "Filename", "label": "Ground Truth", "finetuning": "Finetuning Set"},
    labels=LABELS,
    path="{utt}.*",
    folders="audio-data",
    sep=",",
    edit=lambda row: row.update(label=row["label"].lower(), finetuning=row["finetuning"].lower()),
)
PARTS = Lists("finetuning", {"train": None, "test": None})
FILES = Set(META, 1980, PARTS, allow=CONVERSIONS)
PIECES = Set(META, 1980, PARTS, None, {}, CONVERSIONS, (4.0, 1.0), (36658, 19823))
CORPUS = Corpus(
    **about(__file__),
    version="2024",
    sets={"eval": FILES, "eval_segments": PIECES},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/deepfake_eval_2024/local/prepare_data.py"):
        main()
