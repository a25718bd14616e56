#!/usr/bin/env python3
"""Compare two systems on the same trials: difference, intervals, p-values, and what they allow."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/compare.py exp/mel_cnn_seed1 exp/fusion_seed1 eval --trials unknown
  steps/compare.py exp/mel_cnn exp/fusion eval --seeds "1 2 3" --metric eer,min_dcf,cllr
  steps/compare.py exp/fusion 'exp/fusion_seed{seed}/without_mel_cnn_seed{seed}' eval --seeds "1 2"

Differences are EXP_A - EXP_B: below 0, EXP_A is better. Intervals are paired: both systems are
judged on the same draws of trials, of whole speakers, and of whole attacks (with the bona fide
trials drawn one by one). With --seeds, EXP_A and EXP_B are names without _seed<n>, or have {seed}
where it stands; a value is the mean over the seeds, and every interval is also given with the seeds
drawn anew. actDCF and Cllr are those of <exp>/<set>/llr/scores where all have them. --out writes
everything as JSON.
"""


def main():
    options = parse()
    import json

    from antispoof.evaluation import compare
    from antispoof.files import atomic_open
    from antispoof.metrics.bootstrap import METRICS

    names = options.metric.split(",")
    if not set(names) <= set(METRICS):
        raise UserError(f"--metric: found '{options.metric}', wanted some of {','.join(METRICS)}")
    seeds = options.seeds.split()
    first, second, trials, calibrated = read(options, seeds, {"act_dcf", "cllr"} & set(names))
    kinds, units = kinds_of(trials)
    systems = [
        Path(text).name.replace("_seed{seed}", "") for text in (options.exp_a, options.exp_b)
    ]
    found = compare.compare(
        *(first, second, kinds),
        **{"metrics": names, "replicates": options.bootstrap, "seed": options.seed},
    )
    if options.out:
        result = {
            "systems": systems,
            "seeds": seeds,
            "set": options.set,
            "trials": options.trials,
            "llr_given": calibrated,
            "counts": {"bonafide": len(first[0][0][0]), "spoof": len(first[0][0][1])},
            "bootstrap": {"level": 0.95, "replicates": options.bootstrap, "seed": options.seed},
            "units": units,
            "metrics": found,
            "sentences": [compare.sentence(systems, name, found[name]) for name in names],
        }
        with atomic_open(options.out) as stream:
            json.dump(result, stream, indent=1, sort_keys=True, allow_nan=False)
            stream.write("\n")
    tell(options, systems, seeds, first, compare.lines(systems, seeds or [""], found, units))


def read(options, seeds, want_ratios):
    """Scores and ratios of every seed of both systems, the trials, and whether ratios are given."""
    from antispoof.evaluation.scores import join

    data = options.data / options.set
    folders = [
        [Path(text.replace("{seed}", seed)) / options.set for seed in seeds]
        or [Path(text) / options.set]
        for text in (options.exp_a, options.exp_b)
    ]
    ratios = [folder / "llr" / "scores" for own in folders for folder in own]
    calibrated = bool(want_ratios) and all(path.is_file() for path in ratios)
    runs = []
    for own in folders:
        runs.append([])
        for folder in own:
            trials = llr = join(data, folder / "scores", options.trials)
            if calibrated:
                llr = join(data, folder / "llr" / "scores", options.trials)
            runs[-1].append((trials.split(), llr.split()))
    return *runs, trials, calibrated


def kinds_of(trials):
    """What is drawn whole: ({kind: groups or None}, {kind: how many, in words})."""
    kinds, units = {"iid": None}, {"iid": f"{len(trials.ids)} trials"}
    if (trials.data_dir / "utt2spk").is_file():
        kinds["speaker"] = trials.split(trials.factor("spk")[1])
        counts = [len(set(part.tolist())) for part in kinds["speaker"]]
        units["speaker"] = f"{counts[0]} bona fide and {counts[1]} spoof speakers"
    if (trials.data_dir / "utt2attack").is_file():
        names, attack = trials.factor("attack")
        bonafide, spoof = trials.split(attack)
        kinds["attack"] = [range(len(names), len(names) + len(bonafide)), spoof]
        units["attack"] = f"{len(set(spoof.tolist()))} attacks"
    return kinds, units


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_a", metavar="EXP_A")
    parser.add_argument("exp_b", metavar="EXP_B")
    parser.add_argument("set", metavar="SET", help="the set both have scored, e.g. eval")
    parser.add_argument("--seeds", default="", help='compare all of these, e.g. "1 2 3"')
    parser.add_argument("--trials", metavar="NAME", help="only <data>/<set>/trials/NAME")
    parser.add_argument("--metric", default="eer,min_dcf", help="eer, min_dcf, act_dcf, cllr")
    parser.add_argument("--data", type=Path, default="data", help="where data directories lie")
    parser.add_argument("--bootstrap", type=int, default=1000, help="replicates")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--out", type=Path, metavar="OUT.json")
    options = parser.parse_args()
    if options.bootstrap < 1:
        raise UserError(f"--bootstrap: found {options.bootstrap}, wanted 1 or more")
    if options.seeds:
        options.exp_a, options.exp_b = (
            text if "{seed}" in text else f"{text.rstrip('/')}_seed{{seed}}"
            for text in (options.exp_a, options.exp_b)
        )
    options.trials = None if options.trials == "all" else options.trials
    return options


def tell(options, systems, seeds, runs, lines):
    counts = f"{len(runs[0][0][0])} bona fide and {len(runs[0][0][1])} spoof trials"
    over = f", {len(seeds)} seeds" if seeds else ""
    print(f"{' - '.join(systems)} on {options.set} ({options.trials or 'all'}: {counts}{over})")
    for line in lines:
        print(line)


if __name__ == "__main__":
    with one_line_errors("steps/compare.py"):
        main()
