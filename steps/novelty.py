#!/usr/bin/env python3
"""Learn how far a sound may be from what a system was trained on, before a detector warns of it.

By the mean and deviation over time of the features that the back end reads (of one that reads
waveforms, by what its last layer reads), from at most --most utterances of the training set. The
limit is the distance that 99 % of the dev set keep within. Reads no label, and changes no score.
Of a system that has no such features it writes the reason instead, and a detector warns of nothing.
"""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_feats_option, dump_of

EXAMPLE = """example:
  steps/novelty.py --train data/train --dev data/dev exp/mel_cnn_seed1

writes exp/mel_cnn_seed1/novelty.npz, which steps/detect.py reads where it is there."""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_feats_option(parser)
    parser.add_argument("--train", required=True, help="data directory that the system learned on")
    parser.add_argument("--dev", required=True, help="data directory of the dev set")
    parser.add_argument("--most", type=int, default=4000, help="utterances of each set (4000)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir", metavar="EXP_DIR")
    parser.add_argument("--out", type=Path, metavar="FILE", help="(EXP_DIR/novelty.npz)")
    return parser.parse_args(argv)


def main():
    args = parse()
    from antispoof.config.sources import require_detector  # late: --help answers at once
    from antispoof.data.data_dir import refuse_reported
    from antispoof.evaluation.layout import novelty_path
    from antispoof.scoring.build import build_system
    from antispoof.scoring.novelty import Novelty, can_describe, save_reason
    from antispoof.torch_utils.checkpoint import load_weights
    from antispoof.torch_utils.device import choose_device
    from antispoof.training.experiment import read_experiment

    refuse_reported("--train", args.train)
    refuse_reported("--dev", args.dev)
    config, device = read_experiment(args.exp_dir), choose_device(args.device)
    require_detector(config, args.exp_dir)
    model = build_system(config).to(device)
    load_weights(model, f"{args.exp_dir}/best.pt", device)
    out = args.out or novelty_path(args.exp_dir)
    if not can_describe(model):
        reason = f"{config['model']} has no features to compare"
    else:
        found = [describe(args, model, config, device, place) for place in (args.train, args.dev)]
        try:
            Novelty.fit(*found).save(out)
        except UserError as error:
            reason = str(error)
        else:
            print(f"{out}: {len(found[0])} training utterances, {len(found[1])} of dev")
            return
    save_reason(out, reason)
    print(f"{args.exp_dir}: is passed over: {reason}; a detector will not say what is new to it")


def describe(args, model, config, device, data_dir):
    """(N, D) of at most --most utterances of a set, of fewer where D is large."""
    import numpy as np

    from antispoof.data.seeds import generator
    from antispoof.scoring.inputs import open_inputs
    from antispoof.scoring.novelty import NUMBERS, Descriptions
    from antispoof.scoring.score import score

    def read(order, quiet=False):
        inputs = open_inputs(config, data_dir, dump_of(args, config))
        inputs.keep(order)
        with Descriptions(model, len(inputs)).watching() as descriptions:
            more = {"quiet": quiet, "descriptions": descriptions}
            score(model, inputs, config["batch_size"], device, **more)
        return descriptions.found()

    count = len(open_inputs(config, data_dir, dump_of(args, config)))
    most = min(args.most, max(NUMBERS // read([0], quiet=True).shape[1], 1))
    if count <= most:
        return read(range(count))
    return read(np.sort(generator("novelty").permutation(count)[:most]))


if __name__ == "__main__":
    with one_line_errors("steps/novelty.py"):
        main()
