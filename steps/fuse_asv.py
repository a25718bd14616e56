#!/usr/bin/env python3
"""Fuse a score of speaker verification with a countermeasure's: learnt on dev, applied to a set."""

import argparse
import sys
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
for each. Nothing is learnt from --apply: kinds of --apply-asv, which may be -, are checked against
<--apply>/utt2label where it is there.
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
    from antispoof.evaluation.sasv_fusion import SasvFusion
    from antispoof.evaluation.sasv_trials import SasvTrials
    from antispoof.evaluation.scores import read_labels
    from antispoof.files import atomic_open

    refuse_reported("--data", options.data)
    dev, others = SasvTrials.read(options.asv), SasvTrials.read(options.apply_asv, judged=False)
    if shared := set(dev.utts.tolist()) & set(others.utts.tolist()):
        raise UserError(
            f"{options.apply_asv}: '{min(shared)}' is also in {options.asv} ({len(shared)} in "
            "all); a set to be judged must share no utterance with the one that is learnt from"
        )
    dev.require_labels(read_labels(options.data), options.data / "utt2label")
    if (table := options.apply / "utt2label").is_file():
        others.require_labels(read_labels(options.apply), table)
    cm = countermeasure(options, options.data, dev)
    try:
        learnt = SasvFusion.fit(dev, cm, options.rule, options.data.resolve().name)
    except ValueError as error:
        raise UserError(f"{options.asv}: {error}") from None
    joint = learnt(others.scores, countermeasure(options, options.apply, others))
    places = options.out / "sasv.json", options.out / "trials"
    with atomic_open(places[0]) as first, atomic_open(places[1]) as second:  # both, or none
        first.write(learnt.text())
        second.write(others.with_scores(joint).text())
    tell(options, learnt, len(joint))


def tell(options, learnt, count):
    for name in learnt.inverted():
        print(
            f"steps/fuse_asv.py: warning: {options.asv}: the weight of {name} is negative; are its "
            "scores the wrong way up (higher must mean more the claimed speaker, or bona fide)?",
            file=sys.stderr,
        )
    counts = ", ".join(f"{count} {kind}" for kind, count in learnt.counts.items())
    softened = "; learnt with softened answers: dev has no error" if learnt.smoothed else ""
    print(
        f"{options.out}/trials: {count} joint scores by the rule {learnt.rule}, learnt on "
        f"{counts} trials of {learnt.dev_set}, a-DCF there {learnt.dev_a_dcf:.4f}{softened}"
    )


def countermeasure(options, data_dir, trials):
    """The countermeasure's score of each trial's utterance; (N,)."""
    import numpy as np

    from antispoof.evaluation.layout import scores_path
    from antispoof.evaluation.scores import read_scores

    path = scores_path(options.exp_dir, data_dir.resolve().name)
    scores = read_scores(path)
    if lacking := sorted(set(trials.utts.tolist()) - scores.keys()):
        raise UserError(f"{path}: {lacking[0]}: found no score, wanted one; run steps/score.py")
    return np.array([scores[utt] for utt in trials.utts])


if __name__ == "__main__":
    with one_line_errors("steps/fuse_asv.py"):
        main()
