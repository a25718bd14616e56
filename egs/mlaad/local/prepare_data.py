#!/usr/bin/env python3
"""Stage 1 of MLAAD, with M-AILABS as bona fide speech: from its lists to data/eval.

Each fake/<language>/<model>/meta.csv has a header and |; of its columns, `path` (which begins with
fake/), `model_name` (the attack), `language` and `architecture` are read. A lone " in a text is
text. M-AILABS has no list: every WAV below --m-ailabs is bona fide. Count of spoofs: --spoofs.

example:
  local/prepare_data.py --corpus MLAAD --m-ailabs M-AILABS --out data --spoofs 456000
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def corpus(args):
    """With the bona fide speech and the count that the user names."""
    hint = "bona fide speech comes apart; name its folder: --m-ailabs DIR"
    spoofs = Protocol(
        "fake/*/*/meta.csv",
        columns={name: name for name in ("language", "architecture")}
        | {"utt": "path", "attack": "model_name"},
        fixed={"label": "spoof"},
        path="{utt}.wav",
        sep="|",
    )
    real = Folders(
        "**/{stem}",
        fixed={"label": "bonafide"},
        suffixes=(".wav",),
        folders=args.m_ailabs,
        hint=hint,
    )
    return Corpus(
        **about(__file__),
        version=f"with {args.spoofs} spoofs; 456000 is version 10",
        sets={"eval": Set([spoofs, real], (None, args.spoofs or None), allow=CONVERSIONS)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--m-ailabs", default="M-AILABS", metavar="DIR", help="bona fide speech")
    parser.add_argument("--spoofs", type=int, default=456000, help="of your version; 0: not known")
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/mlaad/local/prepare_data.py"):
        main()
