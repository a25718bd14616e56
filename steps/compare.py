#!/usr/bin/env python3
"""Compare systems on the same trials: difference, intervals, p-values, and what they allow."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import LIST_HELP, require_draws

EXAMPLE = """
example:
  steps/compare.py exp/mel_cnn_seed1 exp/fusion_seed1 eval --trials unknown
  steps/compare.py exp/mel_cnn exp/fusion eval --seeds "1 2 3" --metric eer,min_dcf,cllr
  steps/compare.py exp/mel_cnn exp/mhfa exp/fusion eval --seeds "1 2 3" --metric eer
  steps/compare.py exp/fusion 'exp/fusion_seed{seed}/without_mel_cnn_seed{seed}' eval --seeds "1 2"

Differences are EXP_A - EXP_B: below 0, EXP_A is better. Intervals are paired: both systems are
judged on the same draws of trials, of whole speakers, and of whole attacks (with the bona fide
trials drawn one by one). With --seeds, EXP_A and EXP_B are names without _seed<n>, or have {seed}
where it stands; a value is the mean over the seeds, and every interval is also given with the seeds
drawn again. actDCF and Cllr are those of <exp>/<set>/llr/scores where all have them. Of more than
two EXP all pairs are compared, over speakers, attacks and seeds: alone, and together, by intervals
that hold for all pairs at once (the largest |t| of --draws draws). --out writes everything as JSON.
"""


def main():
    options = parse()
    if len(options.exps) > 2:
        return compare_several(options)
    from antispoof.data.json_files import write_json
    from antispoof.evaluation.compare import lines
    from antispoof.evaluation.paired import compare_experiments

    every = compare_experiments(
        *(options.exps, options.data / options.set, options.set, options.metric),
        **{"seeds": options.seeds, "lists": options.outputs, "level": options.level},
        **{"replicates": options.bootstrap, "seed": options.seed},
    )
    for found, out in zip(every, options.outputs.values(), strict=True):
        if out:
            write_json(out, found)
        tell(options, found)
        names, seeds = found["systems"], found["seeds"] or [""]
        for line in lines(names, seeds, found["metrics"], found["units"], options.level):
            print(line)


def compare_several(options):
    """All pairs, with intervals that hold together."""
    from antispoof.data.json_files import write_json
    from antispoof.evaluation.all_pairs import all_pairs_of_experiments, lines

    every = all_pairs_of_experiments(
        *(options.exps, options.data / options.set, options.metric, options.seeds),
        **{"lists": options.outputs, "level": options.level},
        **{"draws": options.draws, "seed": options.seed},
    )
    for found, out in zip(every, options.outputs.values(), strict=True):
        if out:
            write_json(out, found)
        tell(options, found)
        for line in lines(found):
            print(line)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exps", metavar="EXP", nargs="+", help="two or more: EXP_A EXP_B ...")
    parser.add_argument(
        "set", metavar="SET", help="the set all have scored: eval, or data/eval with its place"
    )
    parser.add_argument("--seeds", default="", help='compare all of these, e.g. "1 2 3"')
    parser.add_argument("--trials", metavar="NAME", help=LIST_HELP)
    parser.add_argument(
        "--every-list",
        action="store_true",
        help="every trial, and each list of trials into <folder of OUT.json>_<list>/",
    )
    parser.add_argument("--metric", default="eer,min_dcf", help="eer, min_dcf, act_dcf, cllr")
    parser.add_argument("--data", type=Path, default="data", help="where data directories lie")
    parser.add_argument("--bootstrap", type=int, help="of two EXP: replicates (1000)")
    parser.add_argument("--draws", type=int, help="of more: of the largest |t| (20000)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the draws")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    parser.add_argument("--out", type=Path, metavar="OUT.json")
    options = parser.parse_intermixed_args()
    settle_draws(options)
    several = len(options.exps) > 2 and len(set(options.exps)) < len(options.exps)
    if len(options.exps) < 2 or several:
        raise UserError(f"found {' '.join(options.exps)}, wanted two EXP, or more, each once")
    require_draws(options)
    return settle(options)


def settle_draws(options):
    """--bootstrap is of two EXP, --draws of more; each is refused where nothing would use it."""
    many = len(options.exps) > 2
    for name, least, usual, used in (
        ("bootstrap", 1, 1000, not many),
        ("draws", 1000, 20000, many),
    ):
        value = getattr(options, name)
        if value is not None and not used:
            words = "of two EXP alone" if many else "of more than two EXP"
            raise UserError(f"--{name}: found {len(options.exps)} EXP; it is {words}, leave it out")
        if value is not None and value < least:
            raise UserError(f"--{name}: found {value}, wanted {least} or more")
        setattr(options, name, usual if value is None else value)


def settle(options):
    """The options in the form that the library takes them in."""
    from antispoof.evaluation.layout import outputs_of
    from antispoof.evaluation.paired import seeds_of, with_seed
    from antispoof.metrics.bootstrap import METRICS

    names = options.metric.split(",")
    if not set(names) <= set(METRICS):
        raise UserError(f"--metric: found '{options.metric}', wanted some of {','.join(METRICS)}")
    options.metric, options.seeds = names, seeds_of(options.seeds)
    if options.seeds:
        options.exps = list(map(with_seed, options.exps))
    if "/" in options.set:
        options.data, options.set = Path(options.set).parent, Path(options.set).name
    if options.every_list and (options.trials or not options.out):
        raise UserError("--every-list: found --trials, or no --out; wanted --out alone")
    data_dir = options.data / options.set
    options.outputs = outputs_of(data_dir, options.out, options.trials, options.every_list)
    return options


def tell(options, found):
    counts = f"{found['counts']['bonafide']} bona fide and {found['counts']['spoof']} spoof trials"
    over = f", {len(found['seeds'])} seeds" if found["seeds"] else ""
    names = " - ".join(found["systems"])
    print(f"{names} on {options.set} ({found['trials'] or 'all'}: {counts}{over})")


if __name__ == "__main__":
    with one_line_errors("steps/compare.py"):
        main()
