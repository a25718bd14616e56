#!/usr/bin/env python3
"""Pre-train a small HuBERT, self-supervised, on the bona fide utterances of a data directory.

Spoofed utterances are never read. Targets are k-means clusters of MFCCs. After each epoch
EXP_DIR/upstream.pt holds the model as antispoof.ssl.load_local and s3prl's hubert_local
read it, EXP_DIR/curve.csv the losses. Continues from EXP_DIR/last.pt where there is one. One core.
"""

import argparse

from antispoof.errors import one_line_errors
from antispoof.options import add_override_option

EXAMPLE = """example:
  steps/pretrain_hubert.py --config conf/pretrain_hubert_mini.yaml --seed 1 \\
    --train data/train exp/pretrain_hubert_mini_seed1
  cp exp/pretrain_hubert_mini_seed1/upstream.pt conf/upstream/hubert_mini.pt"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="conf/pretrain_<name>.yaml")
    add_override_option(parser)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--train", required=True, help="data directory to learn on")
    parser.add_argument("exp_dir")
    return parser.parse_args(argv)


def main():
    args = parse()
    import torch  # late: --help answers at once

    from antispoof.data.data_dir import refuse_reported
    from antispoof.pretraining.pretrain import load_pretraining, pretrain
    from antispoof.training.experiment import claim

    refuse_reported("--train", args.train)
    torch.set_num_threads(1)  # more threads would round differently
    config = load_pretraining(args.config, args.seed, args.override)
    claim(args.exp_dir, config)
    pretrain(config, args.train, args.exp_dir, lambda line: print(line, flush=True))


if __name__ == "__main__":
    with one_line_errors("steps/pretrain_hubert.py"):
        main()
