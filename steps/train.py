#!/usr/bin/env python3
"""Train one experiment: learn on the training set, pick the checkpoint on dev.

Continues from EXP_DIR/last.pt where there is one.
"""

import argparse

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """example:
  steps/train.py --config conf/train_mel_cnn.yaml --seed 1 --train data/train --dev data/dev \\
    exp/mel_cnn_seed1"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, help="conf/train_<name>.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--train", required=True, help="data directory to learn on")
    parser.add_argument("--dev", required=True, help="data directory that picks the checkpoint")
    parser.add_argument("--dump", default="dump", help="where cached features lie")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir")
    return parser.parse_args(argv)


def main():
    args = parse()
    from antispoof.device import choose_device  # late: --help answers at once
    from antispoof.experiment import claim, load_experiment
    from antispoof.tables import read_table
    from antispoof.trainer import train

    config = load_experiment(args.config, args.seed, args.set)
    shared = read_table(f"{args.train}/wav.scp").keys() & read_table(f"{args.dev}/wav.scp").keys()
    if shared:
        raise UserError(f"{args.dev}: '{min(shared)}' is in {args.train} too; dev must be apart")
    claim(args.exp_dir, config)
    device = choose_device(args.device)
    train(config, args.train, args.dev, args.dump, args.exp_dir, device, print)


if __name__ == "__main__":
    with one_line_errors("steps/train.py"):
        main()
