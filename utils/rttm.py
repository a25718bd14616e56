#!/usr/bin/env python3
"""Segments of a data directory from RTTM, or to it: which parts of each sound are spoofed."""

import argparse
from pathlib import Path

from antispoof.data.data_dir import durations_of, read_data_dir
from antispoof.data.rttm import read_rttm, write_rttm
from antispoof.data.segments import merged, read_segments, write_segments
from antispoof.errors import one_line_errors

EXAMPLE = """example:
  utils/rttm.py --from eval.rttm data/eval     # writes data/eval/segments
  utils/rttm.py --to eval.rttm data/eval
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--from", dest="source", metavar="RTTM", help="write data_dir/segments")
    way.add_argument("--to", dest="target", metavar="RTTM", help="write this file")
    parser.add_argument("data_dir", type=Path)
    args = parser.parse_args()
    tables = read_data_dir(args.data_dir)
    durations = durations_of(tables["utt2dur"], args.data_dir)
    if args.target:
        segments = read_segments(args.data_dir, durations, tables["utt2label"])
        write_rttm(args.target, segments)
        print(f"{args.target}: {len(segments)} utterances")
        return
    segments = read_rttm(args.source, durations, tables["utt2label"])
    write_segments(args.data_dir, {utt: merged(own) for utt, own in segments.items()})
    print(f"{args.data_dir}/segments: {len(segments)} utterances")


if __name__ == "__main__":
    with one_line_errors("utils/rttm.py"):
        main()
