#!/usr/bin/env python3
"""Stage 1 of CVoiceFake: from folders of CORPUS to data/eval, with trials by language.

EN/Bonafide/common_voice_*.mp3 is bona fide, EN/<vocoder>_generated/common_voice_*_Gen.mp3 spoof;
the vocoder is the attack. There is no split. The counts are those of the small release.

example:
  local/prepare_data.py --corpus CVoiceFake --out data --release large
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Lists, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

SMALL = {
    "DE": (7251, 36064),
    "EN": (4315, 21438),
    "FR": (3589, 17685),
    "IT": (3865, 18052),
    "CN": (4524, 21353),
}


def vocoder(row):
    """The attack is what stands before _generated."""
    real = row["label"] == "Bonafide"
    row["attack"] = "-" if real else row["label"].removesuffix("_generated")
    row["label"] = row["label"] if real or row["attack"] == row["label"] else "generated"


SOUNDS = Folders(
    f"{{language:{'|'.join(SMALL)}}}/{{label}}/{{stem}}",
    labels={"Bonafide": "bonafide", "generated": "spoof"},
    edit=vocoder,
)


def corpus(release):
    """The small release, or the large one, whose counts are not known."""
    small = release == "small"
    lists = Lists("language", SMALL if small else dict.fromkeys(SMALL))
    return Corpus(
        **about(__file__),
        version=f"{release}; Zenodo 14062964 is the large one",
        sets={"eval": Set(SOUNDS, (23544, 114592) if small else None, lists, allow=CONVERSIONS)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", choices=("small", "large"), default="small")
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args.release), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/cvoicefake/local/prepare_data.py"):
        main()
