#!/usr/bin/env python3
"""Stage 1 of SONAR: from folders of CORPUS to data/eval.

real_samples/ is bona fide, eight folders of systems are spoof. Stems hold dots, and some .wav files
are MP3s. seedtts.csv, which calls real speech fake, is not read.

example:
  local/prepare_data.py --corpus SONAR --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

SYSTEMS = ("OpenAI", "xTTS", "FlashSpeech", "VoiceBox", "AudioGen", "VALLE", "NaturalSpeech3",
           "PromptTTS2")  # fmt: skip


def attack(row):
    """The folder of a spoof."""
    row["attack"] = "-" if row["label"] == "real_samples" else row["label"]


SOUNDS = Folders(
    f"{{label:real_samples|{'|'.join(SYSTEMS)}}}/**/{{stem}}",
    labels={"real_samples": "bonafide", **dict.fromkeys(SYSTEMS, "spoof")},
    edit=attack,
)
CORPUS = Corpus(
    **about(__file__),
    version="of the authors' repository, without seedtts",
    sets={"eval": Set(SOUNDS, (2274, 1674), allow=CONVERSIONS)},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/sonar/local/prepare_data.py"):
        main()
