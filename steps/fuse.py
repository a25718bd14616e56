#!/usr/bin/env python3
"""Fuse systems linearly into one log-likelihood ratio: weights from dev, applied to each set."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/fuse.py --data data/dev --apply "dev eval" --out exp/fusion_seed1 \\
    exp/mel_cnn_seed1 exp/fbank_lcnn_seed1

reads <set>/scores of each system, writes <set>/scores and <set>/llr/scores (the same numbers: a
fusion is calibrated by its making) and fusion.json below --out. Every system must have scored the
same utterances. Labels are read of --data alone.
"""


def main():
    options = parse()
    from antispoof import fusion

    dev_set = options.dev_set or options.data.resolve().name
    learnt = fusion.learn(options.data, dev_set, options.exp_dirs, options.prior)
    for line in learnt.warnings():
        print(f"steps/fuse.py: warning: {line}", file=sys.stderr)
    ratios = {name: fusion.apply(learnt, name, options.exp_dirs) for name in options.apply.split()}
    for name, llr in ratios.items():
        fusion.write_scores(options.out / name / "scores", llr)
        fusion.write_scores(options.out / name / "llr" / "scores", llr)
    learnt.save(options.out / "fusion.json")
    terms = [f"{w:.4g} {s}" for w, s in zip(learnt.weights, learnt.systems, strict=True)]
    print(
        f"{options.out}: llr = {' + '.join(terms)} + {learnt.offset:.4g}, learnt on "
        f"{learnt.n_bonafide} bona fide and {learnt.n_spoof} spoof trials of {dev_set}"
    )


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prior = 0.95 / (0.95 + 0.05 * 10)
    parser.add_argument("--data", type=Path, required=True, help="data directory of the dev set")
    parser.add_argument("--dev-set", help="its name in the experiments (default: that of --data)")
    parser.add_argument("--apply", default="dev eval", help="sets to fuse (default: dev eval)")
    parser.add_argument("--out", type=Path, required=True, help="experiment folder of the fusion")
    parser.add_argument(
        "--prior", type=float, default=prior, help=f"effective prior of bona fide ({prior:.6f})"
    )
    parser.add_argument("exp_dirs", type=Path, nargs="+", metavar="EXP_DIR")
    options = parser.parse_args()
    names = [path.resolve() for path in options.exp_dirs]
    if len(set(names)) < len(names):
        raise UserError("found the same system twice; wanted different experiments")
    if options.out.resolve() in names:
        raise UserError(f"{options.out}: is one of the systems; give the fusion its own folder")
    return options


if __name__ == "__main__":
    with one_line_errors("steps/fuse.py"):
        main()
