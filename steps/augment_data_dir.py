#!/usr/bin/env python3
"""Make a data directory of augmented sounds out of another one, as one job of N.

Labels, factors, trial lists and segments are carried over; utt2codec and utt2augment say what was
done, and draws.jsonl what was drawn. The seed and the utterance decide every draw; a job that was
killed continues. The job that ends last writes the tables.
"""

import argparse
from pathlib import Path

from antispoof.data.data_dir import read_data_dir
from antispoof.errors import UserError, one_line_errors
from antispoof.progress import Progress

EXAMPLE = """example:
  utils/run.py --slots 2 JOB=1:2 data/train_codecs/log/augment.{job}.log \\
    steps/augment_data_dir.py --config conf/augment_codecs.yaml --seed 1 --share {job}/{jobs} \\
    data/train data/train_codecs"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="conf/augment_<name>.yaml")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--suffix", help="of the new utterances; default: _aug and the seed")
    parser.add_argument("--share", default="1/1", help="JOB/N: which part of the utterances")
    parser.add_argument(
        "--join",
        action="store_true",
        help="only join: the N shares have ended, perhaps on machines whose files are seen late",
    )
    parser.add_argument("in_dir")
    parser.add_argument("out_dir")
    args = parser.parse_args(argv)
    job, _, jobs = args.share.partition("/")
    if not (job.isdigit() and jobs.isdigit() and 1 <= int(job) <= int(jobs)):
        parser.error(f"--share {args.share}: wanted JOB/N with 1 <= JOB <= N")
    args.job, args.jobs = int(job), int(jobs)
    if args.suffix is None:
        args.suffix = f"_aug{args.seed}"
    if not args.suffix or not args.suffix.isprintable() or set(args.suffix) & set("/ "):
        parser.error(f"--suffix '{args.suffix}': wanted a word without blank and slash")
    if Path(args.in_dir).resolve() == Path(args.out_dir).resolve():
        parser.error(f"{args.out_dir}: is the folder to read; name another to write")
    return args


def main():
    args = parse()
    import torch  # late: --help answers at once

    from antispoof.augment.data_dir import Share, claim_directory, join, load_augmentation

    torch.set_num_threads(1)  # jobs run side by side
    config = load_augmentation(args.config)
    tables = read_data_dir(args.in_dir)
    settings = {"from": args.in_dir, **config, "seed": args.seed, "suffix": args.suffix}
    claim_directory(args.out_dir, settings)
    if args.join:
        if not join(args.in_dir, tables, args.out_dir, args.suffix, args.jobs, wait=True):
            raise UserError(f"{args.out_dir}: not all {args.jobs} shares have ended; run them")
        return tell(args, tables)
    share = Share(tables, args.out_dir, settings, args.job, args.jobs)
    progress = Progress(len(share.utts), "utterances", f"augment {args.share}")
    share.run(progress)
    progress.close()
    there = sum(utt in share.finished for utt in share.utts)
    print(f"share {args.share}: {len(share.utts)} utterances, {there} were there already")
    if join(args.in_dir, tables, args.out_dir, args.suffix, args.jobs):
        tell(args, tables)


def tell(args, tables):
    from antispoof.augment.data_dir import moves_seconds

    print(f"{args.out_dir}: {len(tables['wav.scp'])} utterances, suffix {args.suffix}")
    if Path(args.in_dir, "segments").exists() and moves_seconds(args.out_dir):
        print(f"{args.out_dir}: has no segments: speed and trim move what they say")


if __name__ == "__main__":
    with one_line_errors("steps/augment_data_dir.py"):
        main()
