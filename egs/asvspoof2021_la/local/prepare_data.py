#!/usr/bin/env python3
"""Stage 1 of ASVspoof 2021, logical access: from the keys in CORPUS to data/eval.

CORPUS holds ASVspoof2021_LA_eval/flac and keys/. A line of the key is
`LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval`: speaker, utterance, codec, transmission,
attack (`bonafide` for bona fide), class, trimmed or not, subset. ASV scores are joined by rows.

example:
  local/prepare_data.py --corpus CORPUS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import AsvFiles, Corpus, Lists, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

FOLDERS = ("ASVspoof2021_LA_eval/flac", "flac")
KEYS = ("keys/LA", "keys", "ASVspoof2021_LA_eval/keys/LA", "LA-keys-full/keys/LA")
SUBSETS = {"subset": {word: word.removesuffix("_track") for word in
                      ("eval", "progress", "hidden", "hidden_track")}}  # fmt: skip

KEY = Protocol(
    [f"{key}/CM/trial_metadata.txt" for key in KEYS]
    + ["ASVspoof2021_LA_eval/trial_metadata.txt", "trial_metadata.txt"],
    columns="speaker utt codec transmission attack label trim subset",
    words=SUBSETS,
    folders=FOLDERS,
)
ASV = AsvFiles(
    [f"{key}/ASV/{n}/score.txt" for key in KEYS for n in ("ASVTorch_Kaldi", "ASVtorch_kaldi")],
    columns="speaker trial score",
    key=[f"{key}/ASV/trial_metadata.txt" for key in KEYS],
    key_columns="speaker trial codec transmission attack kind trim subset",
    words={"transmission": {"none": "-"}, **SUBSETS},
)
LISTS = Lists("subset", {"eval": (14816, 133360), "progress": 16464, "hidden": 16926}, "eval")
CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 4837263; keys LA-keys-full of asvspoof.org",
    sets={"eval": Set(KEY, (18452, 163114), LISTS, ASV)},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoof2021_la/local/prepare_data.py"):
        main()
