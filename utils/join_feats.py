#!/usr/bin/env python3
"""Join the archives that the jobs of steps/extract_ssl.py wrote: feats.scp, utt2sum and the rest."""

import argparse

from antispoof.errors import one_line_errors
from antispoof.features.archive import join_shares
from antispoof.tables import read_table

EXAMPLE = "example:\n  utils/join_feats.py --jobs 2 data/train dump/fbank/train"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, required=True, help="N of the jobs' --share JOB/N")
    parser.add_argument("data_dir")
    parser.add_argument("dump_dir")
    args = parser.parse_args()
    utts = list(read_table(f"{args.data_dir}/wav.scp"))
    join_shares(args.dump_dir, args.jobs, utts)
    print(f"{args.dump_dir}: {len(utts)} utterances")


if __name__ == "__main__":
    with one_line_errors("utils/join_feats.py"):
        main()
