#!/usr/bin/env python3
"""Fuse systems linearly into one LLR: weights from dev, applied to each set."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_learning_options

EXAMPLE = """
example:
  steps/fuse.py --data data/dev --apply "dev eval" --out exp/fusion_seed1 \\
    exp/mel_cnn_seed1 exp/fbank_lcnn_seed1

reads <set>/scores of each system, writes <set>/scores and <set>/llr/scores (the same numbers: a
fusion is calibrated by its making) and fusion.json below --out. By that file every worker knows
that this is a fusion; in Python, antispoof.evaluation.fusion.Fusion.load reads it and maps new
scores. Every system must have scored the same utterances. Labels are read of --data alone.

--rule logistic learns a weight for each system; mean (of scores standardised on dev) and rank (mean
share of dev scores below) are the baselines that it has to beat, calibrated likewise.
--unseen learns scale and offset from models that have not seen an attack, so that the LLRs hold for
attacks that training does not know; the weights stay those of dev.
--unseen 'exp/{system}_without_{attack}_seed1' names, for each system and each attack of --data, an
experiment of the same config and without_attacks=[ATTACK], whose <dev-set>/scores are read. The
fusion is then applied to the scores of the systems themselves.
--leave-one-out also writes what the fusion is without each system, to --out/without_<system>; then
steps/compare.py says what the system brings: <out> <out>/without_<system> eval.
"""


def main():
    options = parse()
    from antispoof.evaluation import fusion
    from antispoof.evaluation.contamination import inherit_training
    from antispoof.evaluation.layout import fusion_path, llr_path, scores_path
    from antispoof.training.unseen import learn_from

    dev_set = options.dev_set or options.data.resolve().name

    def fuse(out, exp_dirs):
        if options.unseen:
            place = (options.unseen, options.data, dev_set)
            learnt = learn_from(*place, exp_dirs, options.prior)
        else:
            learnt = fusion.learn(options.data, dev_set, exp_dirs, options.prior, options.rule)
        for line in learnt.warnings():
            print(f"steps/fuse.py: warning: {line}", file=sys.stderr)
        llrs = {name: fusion.apply(learnt, name, exp_dirs) for name in options.apply.split()}
        for name, llr in llrs.items():
            fusion.write_scores(scores_path(out, name), llr)
            fusion.write_scores(llr_path(out, name), llr)
        inherit_training(out, exp_dirs)
        learnt.save(fusion_path(out))
        return learnt

    whole = fuse(options.out, options.exp_dirs)
    terms = [f"{w:.4g} {s}" for w, s in zip(whole.weights, whole.systems, strict=True)]
    print(
        f"{options.out}: llr = {' + '.join(terms)} + {whole.offset:.4g}"
        f"{' of ranks' if whole.rule == 'rank' else ''}, learnt on {whole.n_bonafide} bona fide "
        f"and {whole.n_spoof} spoof trials of {dev_set}, Cllr there {whole.dev_cllr:.4f}"
    )
    for left in options.exp_dirs if options.leave_one_out else ():
        others = [path for path in options.exp_dirs if path != left]
        rest = fuse(options.out / f"without_{left.resolve().name}", others)
        change = rest.dev_cllr - whole.dev_cllr
        print(f"  without {left.resolve().name}: Cllr there {rest.dev_cllr:.4f} ({change:+.4f})")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_learning_options(parser)
    parser.add_argument("--rule", choices=("logistic", "mean", "rank"), default="logistic")
    parser.add_argument("--leave-one-out", action="store_true", help="say what each system brings")
    parser.add_argument("--out", type=Path, required=True, help="experiment folder of the fusion")
    parser.add_argument("exp_dirs", type=Path, nargs="+", metavar="EXP_DIR")
    options = parser.parse_args()
    names = [path.resolve() for path in options.exp_dirs]
    if len(set(names)) < len(names):
        raise UserError("found the same system twice; wanted different experiments")
    if options.out.resolve() in names:
        raise UserError(f"{options.out}: is one of the systems; give the fusion its own folder")
    if options.unseen and options.rule != "logistic":
        raise UserError(f"--unseen: found --rule {options.rule}, wanted logistic")
    if options.leave_one_out and len(names) < 2:
        raise UserError("--leave-one-out: found 1 system, wanted several")
    folders = [path.name for path in names]
    twice = next((name for name in folders if folders.count(name) > 1), None)
    if options.leave_one_out and twice:
        raise UserError(
            f"--leave-one-out: found several systems in folders called '{twice}', wanted one: what "
            "is left of each is written to without_<folder>"
        )
    return options


if __name__ == "__main__":
    with one_line_errors("steps/fuse.py"):
        main()
