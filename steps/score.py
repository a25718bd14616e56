#!/usr/bin/env python3
"""Give each utterance of a data directory one number, higher = more bona fide. Reads no label."""

import argparse

from antispoof.errors import UserError, one_line_errors

EXAMPLE = "example:\n  steps/score.py exp/mel_cnn_seed1 data/eval exp/mel_cnn_seed1/eval/scores"


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dump", default="dump", help="where cached features lie")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir", help="with config.yaml and best.pt")
    parser.add_argument("data_dir")
    parser.add_argument("out", help="the table `utt score` to write")
    return parser.parse_args(argv)


def main():
    args = parse()
    import numpy as np  # late: --help answers at once

    from antispoof.data import Inputs
    from antispoof.device import choose_device
    from antispoof.experiment import read_experiment
    from antispoof.system import build_system
    from antispoof.tables import write_table
    from antispoof.trainer import load_checkpoint, score

    config = read_experiment(args.exp_dir)
    device = choose_device(args.device)
    inputs = Inputs(config, args.data_dir, args.dump)
    model = build_system(config).to(device)
    model.load_state_dict(load_checkpoint(f"{args.exp_dir}/best.pt", device)["model"])
    scores = score(model, inputs, config["batch_size"], device)
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise UserError(f"{args.data_dir}: {inputs.utts[bad[0]]}: its score is {scores[bad[0]]}")
    write_table(args.out, {utt: f"{s:.7g}" for utt, s in zip(inputs.utts, scores, strict=True)})
    print(f"{args.out}: {len(scores)} scores")


if __name__ == "__main__":
    with one_line_errors("steps/score.py"):
        main()
