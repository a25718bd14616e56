#!/usr/bin/env python3
"""Give each utterance of a data directory one number, higher = more bona fide. Reads no label.

Of a model of frames, OUT.frames/<milliseconds>ms.scp and .ark have the scores of the frames too.
"""

import argparse
import sys

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_feats_option, dump_of

EXAMPLE = """example:
  steps/score.py exp/mel_cnn_seed1/best.pt data/eval exp/mel_cnn_seed1/eval/scores
  steps/score.py --override model_conf.k_infer=0.1 exp/x_seed1 data/eval x_k1/eval/scores"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_feats_option(parser)
    parser.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="model_conf.KEY=VALUE",
        help="score with a model that differs from the trained one, as far as its weights fit",
    )
    parser.add_argument("--stage-to", metavar="DIR", help="copy archives to this local disk first")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir", help="with config.yaml and best.pt; or its best.pt")
    parser.add_argument("data_dir")
    parser.add_argument("out", help="the table `utt score` to write")
    args = parser.parse_args(argv)
    args.exp_dir = args.exp_dir.removesuffix("/best.pt")
    return args


def main():
    args = parse()
    import numpy as np  # late: --help answers at once

    from antispoof.config.sources import require_detector
    from antispoof.data.tables import write_table
    from antispoof.evaluation.contamination import warning_of
    from antispoof.features.staging import staged_for
    from antispoof.scoring.build import build_system
    from antispoof.scoring.frames import frame_scores
    from antispoof.scoring.inputs import open_inputs
    from antispoof.scoring.score import score
    from antispoof.torch_utils.checkpoint import load_weights
    from antispoof.torch_utils.device import choose_device
    from antispoof.training.experiment import read_experiment

    for override in args.override:
        if not override.startswith("model_conf."):
            raise UserError(f"--override {override}: wanted model_conf.KEY=VALUE; the rest stays")
    config = read_experiment(args.exp_dir, args.override)
    require_detector(config, args.exp_dir)
    device = choose_device(args.device)
    model = build_system(config).to(device)
    load_weights(model, f"{args.exp_dir}/best.pt", device, hint=" ".join(args.override))
    with staged_for(args.stage_to, config, dump_of(args, config), [args.data_dir]) as dump:
        inputs = open_inputs(config, args.data_dir, dump)
        frames = frame_scores(model, config, args.exp_dir, inputs)
        scores = score(model, inputs, config["batch_size"], device, frames=frames)
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise UserError(f"{args.data_dir}: {inputs.utts[bad[0]]}: its score is {scores[bad[0]]}")
    if frames:
        frames.write(f"{args.out}.frames", inputs.utts)
    write_table(args.out, {utt: f"{s:.7g}" for utt, s in zip(inputs.utts, scores, strict=True)})
    print(f"{args.out}: {len(scores)} scores", *args.override, sep="; ")
    if warning := warning_of(args.exp_dir, args.data_dir):
        print(f"steps/score.py: warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    with one_line_errors("steps/score.py"):
        main()
