#!/usr/bin/env python3
"""Stage 1 of ADD 2022: from its lists to data/eval_track1, or others by --sets.

A line is `ADD_T_00000000.wav genuine` or `... fake`; of track3_R2_label.txt, a third column is the
attack. Sounds of train and dev are in ADD_train_dev/{train,dev}; where those of tracks are is not
published: they are looked for anywhere below --track1, --track2 and --track3, next to their lists.

example:
  local/prepare_data.py --corpus ADD2022 --out data --sets train,dev,eval_track1
"""

import argparse

from antispoof import CONVERSIONS
from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

TRAIN = "ADD_train_dev"


def genuine(row):
    """Genuine speech has no attack, whatever its column holds."""
    row["attack"] = "-" if row["label"] == "genuine" else row["attack"]


def part(lists, folder, count, attacks=False):
    """One set: its list, where its sounds are, how many are expected."""
    protocol = Protocol(
        lists,
        columns="utt label attack" if attacks else "utt label",
        labels={"genuine": "bonafide", "fake": "spoof"},
        path="**/{utt}.wav",
        folders=folder,
        edit=genuine if attacks else None,
    )
    return Set(protocol, count, allow=CONVERSIONS)


def corpus(args):
    """With the folders that the user names."""
    sets = {
        "train": part(f"{TRAIN}/label/train_label.txt", f"{TRAIN}/train", (3012, 24072)),
        "dev": part(f"{TRAIN}/label/dev_label.txt", f"{TRAIN}/dev", (2307, 26017)),
        "eval_track1": part(f"{args.track1}/label.txt", args.track1, 109199),
        "eval_track2": part(f"{args.track2}/label.txt", args.track2, 100625),
        "eval_track3_r2": part(f"{args.track3}/track3_R2_label.txt", args.track3, None, True),
    }
    version = "Zenodo 12188127 (train, dev), 10843991, 12187997, 12188035, 12188055"
    return Corpus(**about(__file__), version=version, sets=sets, usual=("eval_track1",))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for track, folder in (("1", "eval_track1"), ("2", "eval_track2"), ("3", ".")):
        text = f"folder of track {track}, with its list; default: {folder}"
        parser.add_argument(f"--track{track}", default=folder, metavar="DIR", help=text)
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/add2022/local/prepare_data.py"):
        main()
