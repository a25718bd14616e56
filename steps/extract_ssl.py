#!/usr/bin/env python3
"""Compute the features of a data directory with an s3prl upstream, as one job of N.

Reads wav.scp, writes Kaldi archives below DUMP_DIR; the job that ends last joins them into
feats.scp. A job that was killed continues behind its last whole utterance.
"""

import argparse

from antispoof.audio import read_wave
from antispoof.errors import UserError, one_line_errors
from antispoof.progress import Progress
from antispoof.tables import read_table

EXAMPLE = """example:
  utils/run.py --slots 2 JOB=1:2 dump/fbank/train/log/extract.JOB.log \\
    steps/extract_ssl.py --share JOB/NJ conf/upstream/fbank.yaml data/train dump/fbank/train"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", default="1/1", help="JOB/N: which part of the utterances")
    parser.add_argument("config", help="conf/upstream/<name>.yaml")
    parser.add_argument("data_dir")
    parser.add_argument("dump_dir")
    args = parser.parse_args(argv)
    job, _, jobs = args.share.partition("/")
    if not (job.isdigit() and jobs.isdigit() and 1 <= int(job) <= int(jobs)):
        parser.error(f"--share {args.share}: wanted JOB/N with 1 <= JOB <= N")
    args.job, args.jobs = int(job), int(jobs)
    return args


def main():
    args = parse()
    import torch  # late: --help answers at once

    from antispoof.features.archive import ShareWriter, join_shares
    from antispoof.features.upstream import DTYPES, FrozenUpstream, claim_dump, load_upstream_config

    torch.set_num_threads(1)  # jobs share the cores, and more threads would round differently
    config = load_upstream_config(args.config)
    claim_dump(args.dump_dir, config)
    wavs = read_table(f"{args.data_dir}/wav.scp")
    utts = list(wavs)
    share = utts[len(utts) * (args.job - 1) // args.jobs : len(utts) * args.job // args.jobs]
    upstream = FrozenUpstream(config["name"], config["layers"])
    compression = DTYPES[config["dtype"]]
    writer = ShareWriter(args.dump_dir, args.job, args.jobs, upstream.layer_indices, compression)
    if not writer.complete:
        extract(upstream, {utt: wavs[utt] for utt in share}, writer, args.share)
    print(f"share {args.share}: {len(share)} utterances, {len(writer.finished)} were there already")
    if join_shares(args.dump_dir, args.jobs, utts):
        print(f"{args.dump_dir}: {len(utts)} utterances joined")


def extract(upstream, wavs, writer, label):
    """Write the features of {utt: path} that `writer` has not yet."""
    import numpy as np

    progress = Progress(len(wavs), "utterances", f"{upstream.name} {label}")
    for utt, path in wavs.items():
        if utt not in writer.finished:
            features = upstream(read_wave(path, utt), utt)
            if not all(np.isfinite(matrix).all() for matrix in features.values()):
                raise UserError(f"{path}: {utt}: its features are not finite; silent sound?")
            writer.write(utt, features)
        progress.advance()
    progress.close()
    writer.finish()


if __name__ == "__main__":
    with one_line_errors("steps/extract_ssl.py"):
        main()
