#!/usr/bin/env python3
"""Judge source tracing on a set: closed set, open set, and both with one unknown class."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import require_draws

EXAMPLE = """example:
  steps/evaluate_tracing.py --train data/train --dev data/dev data/eval \\
    exp/sources_seed1 exp/sources_seed2 exp/sources_seed3 --out exp/sources_eval

reads <set>/traced.npz of each experiment (steps/trace.py) for all three sets, which stand for the
table utt2<labels> that the experiment's config names; utterances without a source, -, are left out.
Experiments are seeds of one system. Each has traced the whole of each set with its best.pt. Writes
<set>/tracing.json of each experiment, and below OUT result.json, what they come to together, and
confusion.svg. A source is unknown where training has none of it. The threshold of the open set
is learnt on dev: by its EER where dev has unknown sources, or else so that 95 % of dev are
accepted.
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True, help="data directory")
    parser.add_argument("--dev", type=Path, required=True, help="that the threshold is learnt on")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--score", choices=("nsd", "energy", "msp"), default="nsd",
                        help="of the open set, that the picture shows")  # fmt: skip
    parser.add_argument("--bootstrap", type=int, default=1000, help="replicates; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("exp_dirs", type=Path, nargs="+", metavar="EXP_DIR")
    options = parser.parse_args()
    require_draws(options)
    return options


def main():
    options = parse()
    from antispoof.data.data_dir import refuse_reported
    from antispoof.data.json_files import write_json
    from antispoof.evaluation.tracing_result import require_seeds, together
    from antispoof.files import atomic_open
    from antispoof.report.confusion import picture

    refuse_reported("--train", options.train)
    refuse_reported("--dev", options.dev)
    require_seeds(options.exp_dirs)
    results = {path.resolve().name: judge(options, path) for path in options.exp_dirs}
    found = together(results)
    drawn = picture(list(results.values()), options.score)
    for path in options.exp_dirs:  # nothing is written before all of it is known to be right
        write_json(path / found["set"] / "tracing.json", results[path.resolve().name])
    write_json(options.out / "result.json", found)
    with atomic_open(options.out / "confusion.svg") as stream:
        stream.write(drawn)
    for kind, names in next(iter(results.values()))["sources"].items():
        print(f"{options.out}: {kind} to training: {', '.join(names) or 'none'}")
    for kind, why in next(iter(results.values())).get("refused", {}).items():
        print(f"{options.out}: no intervals by {kind}: {why}")
    for name, values in found["mean"].items():
        spread = "" if values["sd"] is None else f" ± {values['sd']:.3f}"
        print(f"{options.out}: {name} {values['mean']:.3f}{spread}")


def judge(options, exp_dir):
    """The result of one experiment."""
    from antispoof.config.recorded import read_experiment
    from antispoof.config.sources import require_tracer, sources_of, traced_by
    from antispoof.evaluation.tracing import Traced, read_sources
    from antispoof.evaluation.tracing_result import judge_tracing

    config = read_experiment(exp_dir)
    require_tracer(config, exp_dir)
    classes, labels = sources_of(config), traced_by(config)
    sets = []
    for data_dir in (options.train, options.dev, options.data_dir):
        name = data_dir.resolve().name
        traced = Traced.load(exp_dir / name / "traced.npz")
        traced.require_model(exp_dir / "best.pt")
        sets.append(read_sources(data_dir, labels, classes, traced))
    train, dev, own = sets
    if gone := sorted(set(classes) - set(train.names.tolist())):
        raise UserError(
            f"{options.train}/utt2{labels}: found none of {', '.join(gone)}, which {exp_dir} "
            "learnt; wanted the set and the names that it learnt from"
        )
    if shared := sorted({*train.traced.utts.tolist()} & {*dev.traced.utts.tolist()}):
        raise UserError(
            f"--dev: found {shared[0]} of {options.train} too ({len(shared)} in all), wanted a set "
            "that the model did not learn from"
        )
    draws = {"replicates": options.bootstrap, "seed": options.seed, "level": options.level}
    result = judge_tracing(classes, train.traced.keep(train.known), dev, own, **draws)
    return result | {"set": options.data_dir.resolve().name, "labels": labels}


if __name__ == "__main__":
    with one_line_errors("steps/evaluate_tracing.py"):
        main()
