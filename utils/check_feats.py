#!/usr/bin/env python3
"""Verify cached features: counts, shapes, finite numbers, and the checksum of every stored matrix.

Names the first bad utterance. An archive cut by a byte, or with one bit changed, is found.
"""

import argparse
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.features.archive import copy_folders
from antispoof.features.whole import check_layer, read_sums
from antispoof.progress import Progress

EXAMPLE = "example:\n  utils/check_feats.py dump/fbank/train dump/fbank/dev"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dump_dirs", nargs="+", metavar="DUMP_DIR", help="dump/<upstream>/<set>")
    dump_dirs = [Path(dump_dir) for dump_dir in parser.parse_args().dump_dirs]
    for dump_dir in [folder for dump in dump_dirs for folder in (dump, *copy_folders(dump))]:
        sums, frames = read_sums(dump_dir)
        progress = Progress(len(frames) * len(sums), "matrices", str(dump_dir))
        for folder, wanted in sums.items():
            check_layer(folder, wanted, frames, progress.advance, finite=True)
        progress.close()
        print(f"{dump_dir}: {len(frames)} utterances, {len(sums)} layers: whole and finite")


if __name__ == "__main__":
    with one_line_errors("utils/check_feats.py"):
        main()
