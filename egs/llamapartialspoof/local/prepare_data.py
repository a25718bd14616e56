#!/usr/bin/env python3
"""Stage 1 of LlamaPartialSpoof: from its two lists to data/eval, or data/eval_a of the first alone.

Column 1 of label_R01TTS.0.a.txt is the utterance, column 3 the class. Real speech is named
dev-clean_1462_170145_000020_000002, spoofs dev01-cosyvoice-partial-cp_1272_...: system, `partial`
where it is one, and speaker are found in that. Sounds are anywhere below R01TTS.0.a and R01TTS.0.b.

example:
  local/prepare_data.py --corpus LlamaPartialSpoof --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

SYSTEMS = ("elevenlab", "gptsovits", "ljjets", "cosyvoice", "xttsv2", "yourtts")


def names(row):
    """What the id says: system, extent and speaker."""
    words = row["utt"].split("_")
    parts = words[0].split("-")
    spoof = row["label"] == "spoof"
    row["attack"] = next((s for s in SYSTEMS if s in parts), "unknown") if spoof else "-"
    row["extent"] = "partial" if spoof and "partial" in parts else "-"
    row["speaker"] = words[1] if len(words) > 1 and words[1].isdigit() else "-"


def reader(letter):
    """One of the two parts."""
    return Protocol(
        f"label_R01TTS.0.{letter}.txt",
        columns={"utt": 1, "label": 3},
        path="**/{utt}.wav",
        folders=f"R01TTS.0.{letter}",
        edit=names,
        fixed={"part": letter},
    )


CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 14214149",
    sets={"eval": Set([reader("a"), reader("b")]), "eval_a": Set(reader("a"))},
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/llamapartialspoof/local/prepare_data.py"):
        main()
