#!/usr/bin/env python3
"""Score a system: join its scores to labels by id, write metrics, costs, counts and intervals."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import LIST_HELP, require_draws

EXAMPLE = """
example:
  steps/evaluate.py data/eval exp/mel_cnn_seed1/eval/scores \\
    exp/mel_cnn_seed1/eval_unknown/result.json --trials unknown --by attack,lang \\
    --llr exp/mel_cnn_seed1/eval/llr/scores --exp exp/mel_cnn_seed1

EER and minDCF are those of SCORES; actDCF and Cllr, which judge the numbers themselves, are those
of --llr (default: SCORES). --by attack sets all bona fide trials against each attack (so does any
factor that is - for all bona fide), any other factor restricts both classes; --by 'attack*codec'
makes a table of two. With --every-list, all lists of trials are judged at
once. Without it and without --trials, the list that DATA_DIR/trial_counts calls published is kept
to, or else every trial counts.

--asv-scores adds t-DCF (2019 and 2021 forms) and t-EER: a file of `A07 spoof 3.4` lines; or, with
--asv-key (8 columns, of the 2021 form), one of `speaker trial score` lines, of which those count
that the key puts into the subset named by --trials. `--asv-scores asvspoof5` takes the error rates
that were fixed there. Without it, DATA_DIR/asv_scores is taken where it is there.

--asv adds t-EER and a-DCF with intervals, of trials that name who is claimed: a file of `speaker
utterance kind score` lines, where the utterance joins them to SCORES. --sasv names joint scores of
the same trials, such as steps/fuse_asv.py writes; without it, a-DCF is that of the ASV alone.
"""


def main():
    options = parse()
    from antispoof.evaluation.layout import outputs_of
    from antispoof.evaluation.results import JUDGED_FILES
    from antispoof.evaluation.sasv_trials import read_trials
    from antispoof.evaluation.scores import read_labels, read_scores
    from antispoof.files import sha256_file

    outputs = outputs_of(options.data_dir, options.out, options.trials, options.every_list)
    tables = [read_labels(options.data_dir), read_scores(options.scores)]
    tables += [read_scores(options.llr)] if options.llr else []
    verified = read_trials(options.asv, options.sasv, tables[0], options.data_dir / "utt2label")
    files = zip(JUDGED_FILES, (options.scores, options.llr), strict=True)
    options.files = {key: sha256_file(path) for key, path in files if path and path.is_file()}
    known = {}
    for named, out in outputs.items():
        judge(options, tables, named, out, known, verified)


def judge(options, tables, named, out, known, verified):
    """Write the result of one list of trials; None: of every trial. known: factors so far."""
    from antispoof.data.json_files import write_json
    from antispoof.evaluation.asv import of_options
    from antispoof.evaluation.contamination import warning_of_scores
    from antispoof.evaluation.evaluate import evaluate
    from antispoof.evaluation.sasv import judge_sasv, lines
    from antispoof.evaluation.scores import keep
    from antispoof.training.selection import read_choices

    labels, scores, *ratios = tables
    trials = keep(labels, scores, options.data_dir, options.scores, named, known)
    llr = None
    if ratios:
        llr = keep(labels, ratios[0], options.data_dir, options.llr, named).scores
    factors = [name for name in options.by.split(",") if name]
    draws = {"replicates": options.bootstrap, "seed": options.seed, "level": options.level}
    asv = of_options(options.data_dir, options.asv_scores, options.asv_key, named)
    result = evaluate(trials, llr, by=factors, asv=asv, **draws)
    if verified:
        result["sasv"] = judge_sasv(verified[0], trials, *verified[1:], **draws)
    result["set"], result["trials"] = options.data_dir.resolve().name, named
    if options.exp and (choices := read_choices(options.exp)):
        result["selection"] = choices
    if trained := warning_of_scores(options.scores, options.data_dir, options.exp):
        result["trained_on"] = trained
    write_json(out, result | options.files)
    for line in lines(result["sasv"]) if verified else ():
        print(f"{out}: {line}")
    tell(options, result, out)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR", help="utt2label, utt2spk, ...")
    parser.add_argument("scores", type=Path, metavar="SCORES", help="higher = more bona fide")
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("--trials", metavar="NAME", help=LIST_HELP)
    parser.add_argument(
        "--every-list",
        action="store_true",
        help="every trial, and each list of DATA_DIR/trials/ into <folder of OUT.json>_<list>/",
    )
    parser.add_argument("--by", default="", help="factors, with commas: attack,lang")
    parser.add_argument("--llr", type=Path, metavar="SCORES", help="LLRs of the same trials")
    parser.add_argument("--exp", type=Path, help="folder that says how the model was chosen")
    parser.add_argument("--asv-scores", type=Path, metavar="FILE", help="of speaker verification")
    parser.add_argument("--asv-key", type=Path, metavar="FILE", help="whose trials those are")
    parser.add_argument(
        "--asv", type=Path, metavar="TRIALS", help="of claimed speakers, to add t-EER"
    )
    parser.add_argument("--sasv", type=Path, metavar="TRIALS", help="those of --asv, joint scores")
    parser.add_argument("--bootstrap", type=int, default=1000, help="replicates; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    options = parser.parse_args()
    require_draws(options)
    if options.exp and not options.exp.is_dir():
        raise UserError(f"--exp: found no folder {options.exp}, wanted that of an experiment")
    if options.every_list and options.trials:
        raise UserError("--every-list: found --trials too, wanted one of them")
    if options.asv_key and not options.asv_scores:
        raise UserError("--asv-key: needs --asv-scores")
    if options.sasv and not options.asv:
        raise UserError("--sasv: needs --asv")
    return options


def tell(options, result, out):
    pooled, counts = result["pooled"], result["counts"]
    if "trained_on" in result:
        print(f"steps/evaluate.py: warning: {result['trained_on']}", file=sys.stderr)
    if pooled["eer"] > 0.5:
        print(
            f"steps/evaluate.py: warning: {options.scores}: EER is {100 * pooled['eer']:.2f} %; "
            "above 50 % the sign may be flipped (higher must mean more bona fide)",
            file=sys.stderr,
        )
    tandem = [f", {name} {pooled[name]:.4f}" for name in sorted(pooled) if name.startswith("tdcf")]
    print(
        f"{out}: EER {100 * pooled['eer']:.2f} %, minDCF {pooled['min_dcf']:.4f}, "
        f"Cllr {pooled['cllr']:.4f}{''.join(tandem)} on {counts['bonafide']} bona fide and "
        f"{counts['spoof']} spoof trials ({result['trials'] or 'all'})"
    )


if __name__ == "__main__":
    with one_line_errors("steps/evaluate.py"):
        main()
