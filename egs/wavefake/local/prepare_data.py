#!/usr/bin/env python3
"""Stage 1 of WaveFake: from CORPUS/generated_audio and LJSpeech to data/eval.

generated_audio/<one of ten folders>/ has the spoofs, in more folders or not; the folder is the
attack. Ids of LJSpeech stand in each, so an id has its folder. Bona fide speech comes apart:
LJSpeech (--ljspeech) and, where it is given, JSUT (--jsut), both as folders of WAVs.

example:
  local/prepare_data.py --corpus WaveFake --ljspeech LJSpeech-1.1/wavs --out data
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

LJSPEECH = ("melgan", "melgan_large", "full_band_melgan", "multi_band_melgan", "parallel_wavegan",
            "waveglow", "hifiGAN")  # fmt: skip
FOLDERS = [
    *(f"ljspeech_{name}" for name in LJSPEECH),
    "jsut_multi_band_melgan",
    "jsut_parallel_wavegan",
    "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech",
]
SPOOFS = Folders(
    f"generated_audio/{{attack:{'|'.join(FOLDERS)}}}/**/{{stem}}", fixed={"label": "spoof"}
)


def real(folder, option):
    """A folder of bona fide speech."""
    hint = f"bona fide speech comes apart; name its folder: {option} DIR"
    return Folders("**/{stem}", fixed={"label": "bonafide"}, folders=folder, hint=hint)


def corpus(args):
    """With the bona fide speech that the user names."""
    readers = [SPOOFS, real(args.ljspeech, "--ljspeech")]
    readers += [real(args.jsut, "--jsut")] if args.jsut else []
    return Corpus(
        **about(__file__),
        version="Zenodo 5642694" + (", with JSUT" if args.jsut else ""),
        sets={"eval": Set(readers, (None if args.jsut else 13100, 117985), allow=CONVERSIONS)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ljspeech = "LJSpeech-1.1/wavs"
    parser.add_argument("--ljspeech", default=ljspeech, metavar="DIR", help=f"default: {ljspeech}")
    parser.add_argument("--jsut", metavar="DIR", help="JSUT too")
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/wavefake/local/prepare_data.py"):
        main()
