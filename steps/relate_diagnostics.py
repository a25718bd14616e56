#!/usr/bin/env python3
"""Set the diagnostics of experiments against what they came to on a set: rank correlations."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import LIST_HELP

EXAMPLE = """
example:
  steps/relate_diagnostics.py --results eval_unknown exp/*_seed? exp/diagnostics_of_all.json
  steps/relate_diagnostics.py --data data/eval --trials unknown --page D.md exp/*_seed? d.json

Each EXP holds diagnostics.json (steps/diagnose.py) and <results>/result.json, or, with --data, the
scores of that set. Spearman's rho with an interval; experiments of one design are not independent,
which makes the interval too short.
"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results", default="eval_unknown", help="the folder of each EXP that has them"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DATA_DIR", help="in place of results: EER of scores of it"
    )
    parser.add_argument("--trials", metavar="NAME", help=f"of --data: {LIST_HELP}")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    parser.add_argument("--page", metavar="OUT.md", help="write tables of all too")
    parser.add_argument("exps", nargs="+", type=Path, metavar="EXP")
    parser.add_argument("out", metavar="OUT.json")
    args = parser.parse_args(argv)
    if not 0 < args.level < 1:
        raise UserError(f"--level: found {args.level}, wanted a number between 0 and 1")
    if len({path.resolve() for path in args.exps}) < len(args.exps):
        raise UserError("found an EXP twice, wanted each once: it would count twice")
    return args


def main():
    args = parse()
    from antispoof.data.json_files import write_json
    from antispoof.diagnostics.relate import page, read, relate, sentence
    from antispoof.evaluation.layout import outputs_of
    from antispoof.files import atomic_open

    (trials,) = outputs_of(args.data, None, args.trials) if args.data else (None,)
    rows = [read(exp, args.results, args.data, trials) for exp in args.exps]
    name = f"{args.data.name} {trials or ''}".strip() if args.data else args.results
    found = relate(rows, args.level)
    record = {"set": name, "level": args.level, "experiments": rows, "correlations": found}
    for key, own in found.items():
        print(sentence(key, f"the EER on {name}", own["rho"], own["interval"]))
    if args.page:
        with atomic_open(args.page) as stream:
            stream.write(page(record))
    write_json(args.out, record)


if __name__ == "__main__":
    with one_line_errors("steps/relate_diagnostics.py"):
        main()
