#!/usr/bin/env python3
"""Stage 1 of CodecFake (Wu): from the sounds below CORPUS and VCTK to data/eval.

encodec_24khz+p272_103.wav, in any folder, is utterance p272_103 of VCTK by that codec, which is the
attack. Bona fide speech comes apart, as p272_103.wav or .flac below --vctk. No list and no split is
published, and no exact count: what is found is printed.

example:
  local/prepare_data.py --corpus CodecFake_wavs --vctk VCTK --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def speaker(row):
    """Of VCTK, by the name of the file."""
    row["speaker"] = row["_stem"].partition("_")[0]


def corpus(vctk):
    """With the bona fide speech in the folder `vctk`."""
    hint = "bona fide speech comes apart; name its folder: --vctk DIR"
    readers = [
        Folders("**/{attack}+{stem}", fixed={"label": "spoof"}, edit=speaker),
        Folders(
            "**/{stem}",
            fixed={"label": "bonafide"},
            folders=vctk,
            edit=speaker,
            hint=hint,
        ),
    ]
    return Corpus(
        **about(__file__),
        version="rogertseng/CodecFake_wavs",
        sets={"eval": Set(readers, allow=CONVERSIONS)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--vctk", default="VCTK", metavar="DIR", help="bona fide speech; default: VCTK"
    )
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args.vctk), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/codecfake_wu/local/prepare_data.py"):
        main()
