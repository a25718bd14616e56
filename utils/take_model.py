#!/usr/bin/env python3
"""Copy an experiment from another recipe, so that this one can score, calibrate and report it.

What is copied is what says what it is, its weights, and its scores of dev; with --dev also the
tables of that data directory, whose labels teach calibration and fusion as in the recipe that it is
from. Files are shared with the original where the file system lets them be.
"""

import argparse
import os
import shutil
from pathlib import Path

from antispoof.data.data_dir import read_data_dir, write_tables
from antispoof.data.tables import read_table
from antispoof.errors import UserError, one_line_errors
from antispoof.files import atomic_path

EXAMPLE = """example:
  utils/take_model.py --dev egs/mini/data/dev egs/mini/exp/mel_cnn_mini_seed1 exp/mel_seed1/"""
WHOLE = ("config.yaml", "best.pt")
ELSE = ("env.txt", "curve.csv", "selection.json", "novelty.npz", "trained_on")


def share(source, out):
    """A second name of a file, or else a copy; what is there already goes."""
    with atomic_path(out) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def refuse_another(data, dev, labels):
    """Raise UserError where `data` is a set of this recipe's own corpus, as its counts say."""
    if (data / "trial_counts").is_file() and read_table(data / "utt2label") != labels:
        raise UserError(
            f"{data}: holds another set than {dev}, which comes with the model; "
            "move it away, or prepare this corpus without it (--sets)"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dev", type=Path, metavar="DATA_DIR", help="that its dev scores are of")
    parser.add_argument("source", type=Path, metavar="EXP", help="with config.yaml and best.pt")
    parser.add_argument("out", type=Path, metavar="OUT")
    args = parser.parse_args()
    names = [*WHOLE, *(name for name in ELSE if (args.source / name).is_file())]
    if args.dev:
        names.append(f"{args.dev.name}/scores")
    for name in names:
        if not (args.source / name).is_file():
            raise UserError(f"{args.source / name}: no such file; wanted a trained experiment")
    if args.dev:
        tables = read_data_dir(args.dev)
        data = args.out.parent.parent / "data" / args.dev.name
        refuse_another(data, args.dev, tables["utt2label"])
    for name in names:
        share(args.source / name, args.out / name)
    if args.dev:
        write_tables(data, tables)
        if (args.dev / "PROVENANCE").is_file():
            share(args.dev / "PROVENANCE", data / "PROVENANCE")
    print(f"{args.out}: {', '.join(names)} of {args.source}")


if __name__ == "__main__":
    with one_line_errors("utils/take_model.py"):
        main()
