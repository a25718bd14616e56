#!/usr/bin/env python3
"""Stage 1 of ODSS: from folders of CORPUS/odss to data/eval.

odss/natural/ is bona fide, odss/vits/ and odss/fastpitch-hifigan/ are spoof, with more folders
below: the first, as vctk, is utt2source. One path stands in several of the three, so an id begins
with it.

example:
  local/prepare_data.py --corpus ODSS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def parts(row):
    """The attack and the source, by the path."""
    folders = row["utt"].split("/")
    row["attack"] = "-" if row["label"] == "natural" else row["label"]
    row["source"] = folders[1] if len(folders) > 2 else "-"


SOUNDS = Folders(
    "odss/{label:natural|vits|fastpitch-hifigan}/**/{stem}",
    labels={"natural": "bonafide", "vits": "spoof", "fastpitch-hifigan": "spoof"},
    edit=parts,
)
CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 8370669",
    sets={"eval": Set(SOUNDS, (7961, 18993))},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/odss/local/prepare_data.py"):
        main()
