#!/usr/bin/env python3
"""List the recipes: what each has, needs, its size and licence, and where to get it.

That is what egs/<recipe>/corpus.yaml says, in lines of `key: value`. Nothing is set up for it.
"""

import argparse
from pathlib import Path

from antispoof.about import FILE, KEYS, read_about
from antispoof.errors import UserError, one_line_errors

EXAMPLE = "example:\n  utils/list_recipes.py asvspoof5"
EGS = Path(__file__).resolve().parents[1] / "egs"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--egs", type=Path, default=EGS, help="folder of the recipes")
    parser.add_argument("recipes", nargs="*", help="default: all")
    args = parser.parse_args()
    there = sorted(path.parent.name for path in args.egs.glob("*/run.sh"))
    for name in args.recipes or there:
        if name not in there:
            raise UserError(f"{name}: no such recipe; wanted one of {', '.join(there)}")
        known = read_about(args.egs / name / FILE)
        print(f"{name}: {known['name']}")
        for key in KEYS[1:]:
            print(f"  {key:8s} {known[key]}")


if __name__ == "__main__":
    with one_line_errors("utils/list_recipes.py"):
        main()
