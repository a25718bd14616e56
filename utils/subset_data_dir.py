#!/usr/bin/env python3
"""Make a data directory of a part of another: balanced, so many utterances, or clips.

--balance attack takes as many utterances of each attack, as the rarest has, and as many bona fide
as spoofs together; --attacks A01,A02 takes spoofs of these alone, as many seconds together as the
attack with the fewest has, so that sets of one and of five attacks are equally long; --count N
takes N of what is left; --seconds 3 has the first 3 s of each sound, as a file of the cache, whose
class is that of its segments where there are some. A seed decides what is drawn. Trial lists are
carried over, counts are not.
MP3 copies and corrupted copies of a set: steps/augment_data_dir.py.
"""

import argparse
from pathlib import Path

from antispoof import CONVERSIONS
from antispoof.errors import UserError, one_line_errors

EXAMPLE = """example:
  utils/subset_data_dir.py --balance attack --seed 1 data/train data/train_balanced
  utils/subset_data_dir.py --seconds 3 data/train data/train_3s"""


def main():
    args = parse()
    from antispoof.data import subset  # late: --help answers at once
    from antispoof.data.data_dir import read_data_dir

    tables = read_data_dir(args.in_dir)
    whole = len(tables["wav.scp"])
    if args.balance:
        tables = subset.keep_only(tables, subset.balanced(tables, args.balance, args.seed))
    if args.attacks:
        chosen = subset.of_attacks(tables, args.attacks.split(","), args.seed)
        tables = subset.keep_only(tables, chosen)
    if args.count:
        chosen = subset.drawn(tables["wav.scp"], args.count, args.seed)
        tables = subset.keep_only(tables, chosen)
    if args.seconds:
        clips = subset.clipped(tables, args.seconds, args.allow)
        tables = {**tables, **dict(zip(("wav.scp", "utt2dur"), clips, strict=True))}
        before = tables["utt2label"]
        tables = subset.relabelled(tables, subset.segments_of(args.in_dir, tables))
        turned = [utt for utt, label in tables["utt2label"].items() if label != before[utt]]
        if turned:
            whole_too = subset.of_whole_sounds(tables, before, turned)
            print(
                f"{len(turned)} spoofs have no spoofed part in their first {args.seconds:g} s: "
                f"bona fide{f'; {whole_too} still say what the whole sounds are' * bool(whole_too)}"
            )
    subset.write_part(args.in_dir, args.out_dir, tables)
    labels = list(tables["utt2label"].values())
    print(
        f"{args.out_dir}: {len(labels)} of {whole} utterances, {labels.count('bonafide')} bona "
        f"fide, {labels.count('spoof')} spoof"
    )


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--balance", metavar="FACTOR", help="of a table utt2<factor>")
    parser.add_argument("--attacks", metavar="A,B", help="spoofs of these alone, equally long")
    parser.add_argument("--count", type=int, metavar="N", help="utterances, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (1)")
    parser.add_argument("--seconds", type=float, help="of each sound, from its beginning")
    parser.add_argument(
        "--allow", action="append", default=[], choices=CONVERSIONS, help="convert clips' sounds"
    )
    parser.add_argument("in_dir", type=Path)
    parser.add_argument("out_dir", type=Path)
    args = parser.parse_args()
    if (args.balance, args.attacks, args.count, args.seconds) == (None, None, None, None):
        raise UserError("found nothing to do; wanted --balance, --count or --seconds, or --attacks")
    if (args.count is not None and args.count < 1) or (
        args.seconds is not None and not 0.1 <= args.seconds < 1e5
    ):
        raise UserError("wanted --count from 1, --seconds from 0.1")
    there = args.out_dir.exists() and any(path.name != "log" for path in args.out_dir.glob("*"))
    if args.in_dir.resolve() == args.out_dir.resolve() or there:
        raise UserError(f"{args.out_dir}: is there already; wanted a new folder, or remove it")
    return args


if __name__ == "__main__":
    with one_line_errors("utils/subset_data_dir.py"):
        main()
