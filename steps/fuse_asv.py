#!/usr/bin/env python3
"""Fuse a score of speaker verification with a countermeasure's: learnt on dev, applied to a set."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/fuse_asv.py --data data/dev --asv data/dev/asv_trials --apply data/eval \\
    --apply-asv data/eval/asv_trials exp/mel_cnn_seed1 --out exp/mel_cnn_seed1/eval/sasv
  steps/evaluate.py --asv data/eval/asv_trials --sasv exp/mel_cnn_seed1/eval/sasv/trials \\
    data/eval exp/mel_cnn_seed1/eval/scores exp/mel_cnn_seed1/eval/result.json

--asv and --apply-asv are files of `speaker utterance kind score` lines: the claimed speaker, the
utterance of the test, target, nontarget or spoof, and the score, higher = more the claimed speaker.
The countermeasure's scores are <set>/scores of the experiment. OUT gets sasv.json, what was
learnt, and trials, the joint scores of --apply-asv in the same form and order.
--rule llr makes an LLR of each score and joins them as two ways to be wrong; linear learns a weight
for each. No label and no kind of --apply-asv is used.
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="data directory of the dev set")
    parser.add_argument("--asv", type=Path, required=True, metavar="TRIALS", help="of the dev set")
    parser.add_argument("--apply", type=Path, required=True, metavar="DATA_DIR")
    parser.add_argument("--apply-asv", type=Path, required=True, metavar="TRIALS")
    parser.add_argument("--rule", choices=("llr", "linear"), default="llr")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("exp_dir", type=Path, metavar="EXP_DIR", help="of the countermeasure")
    return parser.parse_args()


def main():
    options = parse()
    from antispoof.data.data_dir import refuse_reported
    from antispoof.evaluation.sasv import SasvTrials
    from antispoof.evaluation.sasv_fusion import SasvFusion

    refuse_reported("--data", options.data)
    dev, others = SasvTrials.read(options.asv), SasvTrials.read(options.apply_asv)
    if shared := set(dev.utts.tolist()) & set(others.utts.tolist()):
        raise UserError(
            f"{options.apply_asv}: '{min(shared)}' is also in {options.asv} ({len(shared)} in "
            "all); a set to be judged must share no utterance with the one that is learnt from"
        )
    cm = countermeasure(options, options.data, dev)
    try:
        learnt = SasvFusion.fit(dev, cm, options.rule, options.data.resolve().name)
    except ValueError as error:
        raise UserError(f"{options.asv}: {error}") from None
    joint = learnt(others.scores, countermeasure(options, options.apply, others))
    learnt.save(options.out / "sasv.json")
    others.with_scores(joint).write(options.out / "trials")
    counts = ", ".join(f"{count} {kind}" for kind, count in learnt.counts.items())
    softened = "; learnt with softened answers: dev has no error" if learnt.smoothed else ""
    print(
        f"{options.out}/trials: {len(joint)} joint scores by the rule {learnt.rule}, learnt on "
        f"{counts} trials of {learnt.dev_set}, a-DCF there {learnt.dev_a_dcf:.4f}{softened}"
    )


def countermeasure(options, data_dir, trials):
    """The countermeasure's score of each trial's utterance; (N,)."""
    import numpy as np

    from antispoof.evaluation.layout import scores_path
    from antispoof.evaluation.scores import read_labels, read_scores

    path = scores_path(options.exp_dir, data_dir.resolve().name)
    trials.require_labels(read_labels(data_dir), data_dir / "utt2label")
    scores = read_scores(path)
    if lacking := sorted(set(trials.utts.tolist()) - scores.keys()):
        raise UserError(f"{path}: {lacking[0]}: found no score, wanted one; run steps/score.py")
    return np.array([scores[utt] for utt in trials.utts])


if __name__ == "__main__":
    with one_line_errors("steps/fuse_asv.py"):
        main()
