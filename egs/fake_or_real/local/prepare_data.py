#!/usr/bin/env python3
"""Stage 1 of FoR (Fake or Real): from folders of one version to data/eval, or train and dev.

for-norm/testing/real/file1044.wav_16k.wav_norm.wav_mono.wav_silence.wav is bona fide, what is in
for-norm/testing/fake/ is spoof. One name stands in both, so an id has its folder. Files of
for-original are WAVs and MP3s, of which some cannot be read: those are named.

example:
  local/prepare_data.py --corpus FoR --out data --version 2seconds
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

PARTS = {"train": "training", "dev": "validation", "eval": "testing"}
COUNTS = {"norm": (2264, 2264), "2seconds": (544, None)}  # of testing, where they are known


def part(version, name):
    """One set of a version."""
    reader = Folders(
        f"for-{version}/{PARTS[name]}/{{label:real|fake}}/{{stem}}",
        labels={"real": "bonafide", "fake": "spoof"},
    )
    return Set(reader, COUNTS.get(version) if name == "eval" else None, allow=CONVERSIONS)


def corpus(version):
    """One version of the corpus."""
    return Corpus(
        **about(__file__),
        version=f"for-{version}",
        sets={name: part(version, name) for name in PARTS},
        usual=("eval",),
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    versions = ("original", "norm", "2seconds", "rerecorded")
    parser.add_argument("--version", choices=versions, default="norm", help="folder for-VERSION")
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args.version), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/fake_or_real/local/prepare_data.py"):
        main()
