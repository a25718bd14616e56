#!/usr/bin/env python3
"""List the recipes: what each has, needs, its size and licence, and where to get it.

That is what egs/<recipe>/corpus.yaml says, in lines of `key: value`. Nothing is set up for it.
"""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = "example:\n  utils/list_recipes.py asvspoof5"
KEYS = ("name", "has", "needs", "size", "licence", "home")
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
        known = read(args.egs / name / "corpus.yaml")
        print(f"{name}: {known['name']}")
        for key in KEYS[1:]:
            print(f"  {key:8s} {known[key]}")


def read(path):
    """{key: value} of a recipe's corpus.yaml. Raises UserError for other lines."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; wanted lines of `key: value`: {', '.join(KEYS)}")
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        key, colon, value = line.partition(": ")
        if key not in KEYS or not colon or not value.strip() or key in found:
            raise UserError(f"{path}:{number}: found {line!r}, wanted each once: {', '.join(KEYS)}")
        found[key] = value.strip()
    lacking = [key for key in KEYS if key not in found]
    if lacking:
        raise UserError(f"{path}: '{lacking[0]}' is missing; wanted {', '.join(KEYS)}")
    return found


if __name__ == "__main__":
    with one_line_errors("utils/list_recipes.py"):
        main()
