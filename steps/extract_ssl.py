#!/usr/bin/env python3
"""Compute the features of a data directory with an s3prl upstream, as one job of N.

Reads wav.scp, writes Kaldi archives below DUMP_DIR; the job that ends last joins them into
feats.scp. A job that was killed continues behind its last whole utterance.
"""

import argparse

from antispoof.data.tables import read_table
from antispoof.errors import UserError, one_line_errors
from antispoof.progress import Progress

EXAMPLE = """example:
  utils/run.py --slots 2 JOB=1:2 dump/fbank/train/log/extract.{job}.log \\
    steps/extract_ssl.py --share {job}/{jobs} \\
    conf/upstream/fbank.yaml data/train dump/fbank/train"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", default="1/1", help="JOB/N: which part of the utterances")
    parser.add_argument(
        "--batch-seconds",
        type=float,
        help="of sound in one batch; default: 8, on a GPU 32",
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that decode ahead")
    parser.add_argument(
        "--copies", action="store_true", help="of a training set: also what `copies` asks for"
    )
    parser.add_argument(
        "--join",
        action="store_true",
        help="only join: the N shares have ended, perhaps on machines whose files are seen late",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("config", help="conf/upstream/<name>.yaml")
    parser.add_argument("data_dir")
    parser.add_argument("dump_dir")
    args = parser.parse_args(argv)
    job, _, jobs = args.share.partition("/")
    if not (job.isdigit() and jobs.isdigit() and 1 <= int(job) <= int(jobs)):
        parser.error(f"--share {args.share}: wanted JOB/N with 1 <= JOB <= N")
    if args.workers < 0:
        parser.error(f"--workers {args.workers}: wanted 0 or more")
    if args.batch_seconds is not None and not 0 <= args.batch_seconds < 1e6:
        parser.error(f"--batch-seconds {args.batch_seconds}: wanted seconds, from 0")
    args.job, args.jobs = int(job), int(jobs)
    return args


def main():
    args = parse()
    import torch  # late: --help answers at once

    from antispoof.augment.chain import Chain
    from antispoof.features.archive import bytes_written
    from antispoof.features.plan import (
        BATCH_SECONDS,
        explained_disk_full,
        require_room,
    )
    from antispoof.features.split import Settings, plan_part
    from antispoof.ssl.upstream import FrozenUpstream, claim_dump, load_upstream_config
    from antispoof.ssl.weights import claim_weights
    from antispoof.torch_utils.device import choose_device

    torch.set_num_threads(1)  # jobs share the cores, and more threads would round differently
    config = load_upstream_config(args.config)
    copies = config["copies"]["count"] if args.copies else 0
    Chain(config["copies"]["augment"] if copies else [], args.config, "copies.augment")
    claim_dump(args.dump_dir, config)
    if args.join:
        return join(args, copies)
    upstream = FrozenUpstream(config, choose_device(args.device))
    print(claim_weights(args.dump_dir, upstream.weight_sums, config), end="")
    layers, dim = len(upstream.layer_indices), upstream.dim
    batch_seconds = args.batch_seconds
    if batch_seconds is None:
        batch_seconds = BATCH_SECONDS[upstream.device.type]
    settings = Settings(
        config["window"],
        batch_seconds if upstream.batches else 0.0,
        *(layers, dim, upstream.frame_rate, config["dtype"], copies),
    )
    part = plan_part(args.data_dir, args.dump_dir, settings, args.job, args.jobs)
    wanted, there = (part.bytes, part.utterances), bytes_written(args.dump_dir)
    room = require_room(args.dump_dir, wanted, there, config, layers, dim, copies)
    print(room, flush=True)
    with explained_disk_full(args.dump_dir, wanted, lambda: bytes_written(args.dump_dir)):
        write(upstream, part, copies, args)


def join(args, copies):
    """Write the tables of the features and of each copy; the notes of all shares are waited for."""
    from antispoof.features.archive import copy_folder, join_shares

    utts = list(read_table(f"{args.data_dir}/wav.scp"))
    for copy in range(1 + copies):
        folder = copy_folder(args.dump_dir, copy)
        if not join_shares(folder, args.jobs, utts, wait=True):
            raise UserError(f"{folder}: not all of the {args.jobs} shares have ended; run them")
        print(f"{folder}: {len(utts)} utterances joined")


def write(upstream, part, copies, args):
    """The share of the batches that is this job's, then that of each copy."""
    from antispoof.features.archive import ShareWriter, all_ended, copy_folder, join_shares
    from antispoof.features.extraction import extract
    from antispoof.ssl.upstream import DTYPES

    count, there = (1 + copies) * len(part.wavs), 0
    progress = Progress(count, "utterances", f"{upstream.name} {args.share}")
    compression = DTYPES[upstream.config["dtype"]]
    for copy in range(1 + copies):
        folder = copy_folder(args.dump_dir, copy)
        writer = ShareWriter(folder, args.job, args.jobs, upstream.layer_indices, compression)
        there += len(part.wavs) if writer.complete else len(writer.finished)
        if not writer.complete:
            rest = (writer, progress, args.workers, copy, part.durations)
            extract(upstream, part.batches, part.wavs, *rest)
        if all_ended(folder, args.jobs):
            join_shares(folder, args.jobs, list(read_table(f"{args.data_dir}/wav.scp")))
            print(f"{folder}: {part.utterances} utterances joined")
    progress.close()
    print(f"share {args.share}: {count} utterances, {there} were there already")


if __name__ == "__main__":
    with one_line_errors("steps/extract_ssl.py"):
        main()
