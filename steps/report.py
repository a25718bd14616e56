#!/usr/bin/env python3
"""Draw results, DET curves, histograms, training and provenance of experiments into one page."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import one_line_errors

EXAMPLE = """
example:
  steps/report.py --out exp/report.html exp/*_seed1

The page opens from disk without a network. Pictures of scores need the data directory <data>/<set>
and <exp>/<set>/scores; they are left out where those are gone. Costs are those of cost.json, which
steps/describe_model.py --exp writes; diagnostics those of diagnostics.json in each EXP_DIR
(steps/diagnose.py), and of diagnostics_of_all.json next to them (steps/relate_diagnostics.py).
Source tracing is shown of each EXP_DIR with <set>/tracing.json (steps/evaluate_tracing.py).
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default="exp/report.html", help="the page to write")
    parser.add_argument(
        "--set", default="eval", help="the set whose results to show, or data/eval with its place"
    )
    parser.add_argument("--data", type=Path, default="data", help="where data directories lie")
    parser.add_argument(
        "--compare",
        type=str.split,
        action="extend",
        default=[],
        metavar='"FILE ..."',
        help="what steps/compare.py --out wrote",
    )
    parser.add_argument("--rank", type=Path, metavar="FILE", help="what steps/rank.py --out wrote")
    parser.add_argument("exp_dirs", nargs="+", type=Path, metavar="EXP_DIR")
    options = parser.parse_args()
    if "/" in options.set:
        options.data, options.set = Path(options.set).parent, Path(options.set).name
    return options


def main():
    options = parse()

    from antispoof.files import atomic_open
    from antispoof.report import figures, sections
    from antispoof.report.all_pairs import all_pairs
    from antispoof.report.collect import left_out, read_runs
    from antispoof.report.comparisons import comparisons
    from antispoof.report.curvature import diagnostics
    from antispoof.report.localisation import localisation
    from antispoof.report.page import page
    from antispoof.report.tracing import tracing

    runs = read_runs(options.exp_dirs, options.set)
    for line in left_out(options.exp_dirs, runs, options.set):
        print(f"steps/report.py: warning: {line}", file=sys.stderr)
    scored = figures.read_scored(runs, options.data, options.set)
    order = sections.order(options.rank) if options.rank else None
    measured, traced = diagnostics(runs), tracing(options.exp_dirs, options.set)
    drawn = {
        **figures.score_pictures(runs, scored),
        "interval": figures.interval_pictures(runs),
        "training": figures.training_pictures(runs),
        "diagnostics": measured[1],
        "tracing": traced[1],
        "order": [order[1]] if order else [],
    }
    tables = {
        "calibration": sections.calibration(runs, scored),
        "comparisons": comparisons(options.compare),
        "pairs": all_pairs(runs, scored),
        "costs": sections.costs(runs),
        "diagnostics": measured[0],
        "counts": sections.counts(runs),
        "localisation": localisation(runs, options.set),
        "order": order[0] if order else "",
        "tracing": traced[0],
    }
    with atomic_open(options.out) as stream:
        stream.write(page(runs, options.set, options.data, drawn, tables))
    print(f"{options.out}: {len(runs)} runs, {sum(map(len, drawn.values()))} pictures")


if __name__ == "__main__":
    with one_line_errors("steps/report.py"):
        main()
