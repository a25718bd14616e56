#!/usr/bin/env python3
"""Say how many speakers, attacks and seeds a test needs to tell two systems apart."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import LIST_HELP

EXAMPLE = """
example:
  steps/plan_trials.py exp/mel_cnn_mini exp/fusion data/eval --seeds "1 2 3" --points 1

What two systems came to on a set that is at hand says how much of their difference is the
speaker's, the attack's, the trial's and the seed's. From that: the least difference that a set of
so many speakers (each with as many trials as here) and attacks tells from none, in 80 of 100 cases.
"""
SPEAKERS = (10, 20, 50, 100, 200, 500)
ATTACKS, SEEDS = (5, 10, 20, 50, 100), (1, 3, 5, 10, 30)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_a", metavar="EXP_A")
    parser.add_argument("exp_b", metavar="EXP_B")
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR", help="which both have scored")
    parser.add_argument("--seeds", default="", help='those of both, e.g. "1 2 3"')
    parser.add_argument("--trials", metavar="NAME", help=LIST_HELP)
    parser.add_argument("--metric", default="eer", help="eer, min_dcf, act_dcf or cllr")
    parser.add_argument(
        "--points", type=float, help="the difference to be found (1; of costs 0.01)"
    )
    parser.add_argument("--power", type=float, default=0.8, help="in which share of the cases")
    args = parser.parse_args()
    if not 0.5 <= args.power < 1:
        raise UserError(f"--power: found {args.power}, wanted from 0.5 to below 1")
    if args.points is not None and not 0 < args.points < float("inf"):
        raise UserError(f"--points: found {args.points}, wanted a number above 0")
    return args


def main():
    args = parse()
    from antispoof.evaluation.paired import seeds_of
    from antispoof.metrics.titles import TITLES

    if args.metric not in ("eer", "min_dcf", "act_dcf", "cllr"):
        raise UserError(f"--metric: found '{args.metric}', wanted eer, min_dcf, act_dcf or cllr")
    title, seeds = TITLES[args.metric], seeds_of(args.seeds) or [""]
    args.points = args.points or title.factor / 100
    spread, seen = measure(args, seeds)
    unit = title.unit or f" of {title.name}"
    for name in ("speaker", "attack", "trial", "seed"):
        value = f"{title.factor * getattr(spread, name) ** 0.5:8.2f}{unit}"
        known = name != "seed" or len(seeds) > 1
        print(f"standard deviation of one {name:<8} {value if known else 'not known: one seed'}")
    print(f"\nleast difference, in{unit}, found in {100 * args.power:g} of 100 cases: {title.name}")
    print(f"{'speakers':>10}" + "".join(f"{f'{count} attacks':>13}" for count in ATTACKS))
    k = len(seeds)
    for speakers in SPEAKERS:
        values = [spread.smallest(speakers, attacks, k, args.power) for attacks in ATTACKS]
        print(f"{speakers:>10}" + "".join(f"{title.factor * value:13.2f}" for value in values))
    those = f"with {k} seeds of each" if k > 1 else "of one training each: seeds add to it"
    print(f"{those}; here: {seen}\n")
    tell(args, spread, title, SEEDS if k > 1 else (1,))


def tell(args, spread, title, counts):
    """The least test that finds --points with each of `counts` of seeds."""
    wanted = args.points / title.factor
    unit = title.unit.removesuffix("s") if args.points == 1 else title.unit
    for seeds in counts:
        fits = [
            (speakers * attacks, speakers, attacks)
            for speakers in SPEAKERS
            for attacks in ATTACKS
            if spread.smallest(speakers, attacks, seeds, args.power) <= wanted
        ]
        if fits:
            _, speakers, attacks = min(fits)
            found = f"{speakers} speakers and {attacks} attacks"
        else:
            found = f"more than {SPEAKERS[-1]} speakers and {ATTACKS[-1]} attacks"
        print(f"{args.points:g}{unit} with {seeds} seed{'s' * (seeds > 1)}: {found}")


def measure(args, seeds):
    """(Spread, how many there are of each, in words)."""
    from antispoof.evaluation import paired
    from antispoof.evaluation.compare import mean_moved
    from antispoof.evaluation.effects import spread_of
    from antispoof.evaluation.layout import outputs_of
    from antispoof.evaluation.scores import read_labels
    from antispoof.evaluation.ways import units_text, ways_of

    names = [args.exp_a, args.exp_b]
    if args.seeds:
        names = [paired.with_seed(name) for name in names]
    llrs = args.metric in paired.OF_LLRS
    _, *tables = paired.read(names, args.data_dir.name, args.seeds.split(), llrs)
    labels = read_labels(args.data_dir)
    (named,) = outputs_of(args.data_dir, None, args.trials)
    *both, trials = paired.keep_runs(tables, labels, args.data_dir, named)
    ways, few = ways_of(trials)
    if lacking := [words for words in ("speakers", "attacks") if words not in ways]:
        found = few.get(lacking[0], f"no {lacking[0]}")
        raise UserError(f"{args.data_dir}: found {found}, wanted 5 or more of a class to plan by")
    difference = mean_moved(args.metric, both[0]) - mean_moved(args.metric, both[1])
    if not (difference.bonafide.any() or difference.spoof.any()):
        raise UserError(f"{names[0]}, {names[1]}: found equal orders of scores, wanted two systems")
    each = [mean_moved(args.metric, [run]).value for runs in both for run in runs]
    by_seed = [a - b for a, b in zip(each[: len(seeds)], each[len(seeds) :], strict=True)]
    spread = spread_of(difference, ways["speakers"], ways["attacks"], by_seed)
    return spread, units_text({key: ways[key] for key in ("speakers", "attacks")}, few)


if __name__ == "__main__":
    with one_line_errors("steps/plan_trials.py"):
        main()
