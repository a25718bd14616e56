#!/usr/bin/env python3
"""Turn a system's scores into LLRs (natural log): learnt on dev, applied to each set."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.options import add_learning_options

EXAMPLE = """
example:
  steps/calibrate.py --data data/dev --apply "dev eval" exp/mel_cnn_seed1

reads exp/mel_cnn_seed1/{dev,eval}/scores, writes exp/mel_cnn_seed1/{dev,eval}/llr/scores and what
was learnt to exp/mel_cnn_seed1/calibration.json. Labels are read of --data alone. In Python,
antispoof.evaluation.fusion.Calibration.load("exp/mel_cnn_seed1/calibration.json") maps new scores.

--unseen 'exp/{system}_without_{attack}_seed1' learns from experiments that were trained without an
attack, one for each attack of --data; see steps/fuse.py --help.
"""


def main():
    options = parse()
    from antispoof.evaluation import fusion
    from antispoof.evaluation.layout import calibration_path, llr_path
    from antispoof.training.unseen import learn_from

    systems = [options.exp_dir]
    dev_set = options.dev_set or options.data.resolve().name
    if options.unseen:
        place = (options.unseen, options.data, dev_set)
        learnt = learn_from(*place, systems, options.prior, fusion.Calibration)
    else:
        own = fusion.Calibration
        learnt = fusion.learn(options.data, dev_set, systems, options.prior, kind=own)
    for line in learnt.warnings():
        print(f"steps/calibrate.py: warning: {line}", file=sys.stderr)
    llrs = {name: fusion.apply(learnt, name, systems) for name in options.apply.split()}
    for name, llr in llrs.items():
        fusion.write_scores(llr_path(options.exp_dir, name), llr)
    learnt.save(options.out or calibration_path(options.exp_dir))
    print(
        f"{options.exp_dir}: llr = {learnt.weights[0]:.6g} score + {learnt.offset:.6g}, learnt on "
        f"{learnt.n_bonafide} bona fide and {learnt.n_spoof} spoof trials of {dev_set}"
    )


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_learning_options(parser)
    parser.add_argument("exp_dir", type=Path, metavar="EXP_DIR")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what was learnt (EXP_DIR/calibration.json)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    with one_line_errors("steps/calibrate.py"):
        main()
