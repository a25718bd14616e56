#!/usr/bin/env python3
"""Stage 1 of ASVspoof 5, track 1: from the lists of CORPUS to data/{train,dev,eval}.

A line of ASVspoof5.eval.track_1.tsv, which has no header and blanks, is
`E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -`: speaker, utterance, gender, codec (- for
none), its quality (0 or - for none), what was coded, kind of attack, attack, class.

example:
  local/prepare_data.py --corpus CORPUS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import AsvFiles, Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

OLD = "is a list of the challenge of 2024, with 6 columns; wanted those of the release, track_1.tsv"
ASV = AsvFiles(given="asvspoof5")


def uncoded(row):
    """Speech without a codec has the quality 0 in eval, - elsewhere."""
    row["codec_q"] = "-" if row["codec"] == "-" else row["codec_q"]


def part(name, flac, counts, archives, asv=None, sha256=""):
    """One of the three sets."""
    folders = (flac, f"ASVspoof5_{name}/{flac}", f"ASVspoof5/{flac}")
    file = f"ASVspoof5.{name}.track_1.tsv"
    protocol = Protocol(
        (file, f"ASVspoof5_protocols/{file}", f"protocols/{file}"),
        columns="speaker utt gender codec codec_q codec_seed attack_tag attack label -",
        folders=folders,
        edit=uncoded,
        sha256=sha256,
    )
    return Set(protocol, counts, asv=asv, archives=archives)


TRAIN = {f"flac_T_a{x}.tar": 36500 if x < "e" else 36357 for x in "abcde"}
DEV = {f"flac_D_a{x}.tar": 47400 if x < "c" else 47334 for x in "abc"}
EVAL = {f"flac_E_a{x}.tar": 68188 if x < "j" else 68180 for x in "abcdefghij"}
CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 14498691",
    sets={
        "train": part("train", "flac_T", (18797, 163560), TRAIN),
        "dev": part("dev", "flac_D", (31334, 109616), DEV),
        "eval": part("eval", "flac_E_eval", (138688, 542086), EVAL, ASV, "62cc6d5e30eb7624"),
    },
    hints={"ASVspoof5.*.metadata.txt": OLD, "ASVspoof5.dev.*.txt": OLD, "ASVspoof5.eval.txt": OLD},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoof5/local/prepare_data.py"):
        main()
