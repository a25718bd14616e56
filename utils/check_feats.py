#!/usr/bin/env python3
"""Verify cached features: counts, shapes, finite numbers, and the checksum of every stored matrix.

Names the first bad utterance. An archive cut by a byte, or with one bit changed, is found.
"""

import argparse
from pathlib import Path

from antispoof.data.tables import read_table, require_same_keys
from antispoof.errors import UserError, one_line_errors
from antispoof.features.archive import check_layer, copy_folders, layer_folders
from antispoof.progress import Progress

EXAMPLE = "example:\n  utils/check_feats.py dump/fbank/train dump/fbank/dev"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dump_dirs", nargs="+", metavar="DUMP_DIR", help="dump/<upstream>/<set>")
    dump_dirs = [Path(dump_dir) for dump_dir in parser.parse_args().dump_dirs]
    for dump_dir in [folder for dump in dump_dirs for folder in (dump, *copy_folders(dump))]:
        sums = read_table(dump_dir / "utt2sum")
        frames = read_table(dump_dir / "utt2num_frames")
        layers = layer_folders(dump_dir)
        require_same_keys(sums, frames, f"{dump_dir}/utt2sum", f"{dump_dir}/utt2num_frames")
        if any(len(line.split()) != len(layers) for line in sums.values()):
            raise UserError(f"{dump_dir}: has {len(layers)} layers, utt2sum tells of others")
        progress = Progress(len(sums) * len(layers), "matrices", str(dump_dir))
        for position, folder in enumerate(layers):
            wanted = {utt: line.split()[position] for utt, line in sums.items()}
            check_layer(folder, wanted, frames, progress.advance)
        progress.close()
        print(f"{dump_dir}: {len(sums)} utterances, {len(layers)} layers: whole and finite")


if __name__ == "__main__":
    with one_line_errors("utils/check_feats.py"):
        main()
