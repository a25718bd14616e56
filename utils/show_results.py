#!/usr/bin/env python3
"""Print the closing tables of a recipe: every system on each list of trials, and by attack."""

import argparse
from pathlib import Path

from antispoof.errors import one_line_errors, printable
from antispoof.report.collect import find_experiments, read_runs
from antispoof.report.result_tables import all_tables, notes, to_markdown, to_text

EXAMPLE = """
example:
  utils/show_results.py                        all of exp/, on the set eval
  utils/show_results.py --markdown exp/*_seed1 for RESULTS.md
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", default="eval", help="the set whose results to show")
    parser.add_argument("--data", type=Path, default="data", help="where missing_attacks may lie")
    parser.add_argument("--markdown", action="store_true", help="Markdown, every run's every value")
    parser.add_argument(
        "exp_dirs", nargs="*", type=Path, metavar="EXP", help="experiments, or a folder of them"
    )
    options = parser.parse_args()

    exp_dirs = [exp for path in options.exp_dirs or ["exp"] for exp in find_experiments(path)]
    runs = read_runs(exp_dirs, options.set)
    if options.markdown:
        tables = all_tables(runs, options.set, width=10**6, every_metric=True)
        print(printable("\n".join(map(to_markdown, tables))))
        print(printable("\n".join(f"- {line}" for line in notes(runs, options.data))))
    else:
        print(printable("\n".join(map(to_text, all_tables(runs, options.set)))))
        print(printable("\n".join(notes(runs, options.data))))


if __name__ == "__main__":
    with one_line_errors("utils/show_results.py"):
        main()
