#!/usr/bin/env python3
"""Stage 1 of a folder of one's own: from CORPUS to data/{train,dev,eval} and its holdouts.

Either CORPUS/metadata.csv has the header `path,label` and, where they are known, `set`, `speaker`
and `attack`; a line is `clips/a.wav,spoof,train,anna,A01`. Or CORPUS has folders
[SET/]{bonafide,spoof}/[ATTACK/]. SET is train, dev, eval, polished or unpolished; without any,
speakers, or else sounds, are drawn for train, dev and eval by their names.

example:
  local/prepare_data.py --corpus my_sounds --convert --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, own_sets, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

HOLDOUTS = {name: f"eval_{name}" for name in ("polished", "unpolished")}
SETS = {"train": "train", "dev": "dev", "eval": "eval", **HOLDOUTS}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--convert", action="store_true", help="to 16 kHz mono, into the cache")
    args = add_corpus_options(parser).parse_args()
    sets = own_sets(args.corpus, SETS, CONVERSIONS if args.convert else ())
    known = {**about(__file__), "home": str(args.corpus)}
    prepare(Corpus(**known, version="-", sets=sets), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/custom/local/prepare_data.py"):
        main()
