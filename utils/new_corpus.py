#!/usr/bin/env python3
"""Write a new recipe: egs/NAME, and its corpus in small for the tests.

egs/NAME/local/prepare_data.py, whose docstring is its contract, expects a list metadata.csv of
`path,label,set,speaker,attack`: change it to what the corpus has. egs/NAME/run.sh, README.md,
RESULTS.md and corpus.yaml say what is missing in capitals. tests/helpers/miniatures/NAME.py builds
the corpus in small, which tests/corpora/ prepares, and which `--miniature DIR` writes.
"""

import argparse
import re
import runpy
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.files import atomic_open

EXAMPLE = """example:
  utils/new_corpus.py my_corpus
  utils/new_corpus.py my_corpus --miniature /path/to/small   # as the tests build it"""
ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "utils/new_corpus"
FILES = {  # of a recipe, by their templates
    "run.sh": "egs/NAME/run.sh",
    "prepare_data.py": "egs/NAME/local/prepare_data.py",
    "README.md": "egs/NAME/README.md",
    "RESULTS.md": "egs/NAME/RESULTS.md",
    "corpus.yaml": "egs/NAME/corpus.yaml",
    "miniature.py": "tests/helpers/miniatures/NAME.py",
}


def main():
    args = parse()
    if args.miniature:
        return write_miniature(args.name, args.into, args.miniature)
    there = [args.into / place.replace("NAME", args.name) for place in FILES.values()]
    for path in there:
        if path.exists():
            raise UserError(f"{path}: is there already; wanted a new name, or remove it")
    for template, path in zip(FILES, there, strict=True):
        text = (TEMPLATES / template).read_text(encoding="utf-8").replace("NAME", args.name)
        with atomic_open(path) as stream:
            stream.write(text)
        if path.suffix == ".sh" or path.name == "prepare_data.py":
            path.chmod(0o755)
        print(path)
    print(f"say in them what the corpus has; then: ./run.sh {args.name} --corpus DIR")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", help="letters, digits and _")
    parser.add_argument("--into", type=Path, default=ROOT, help="another copy of the repository")
    parser.add_argument("--miniature", type=Path, metavar="DIR", help="only write the small corpus")
    args = parser.parse_args()
    if not re.fullmatch(r"[A-Za-z]\w*", args.name):
        raise UserError(f"{args.name}: wanted a name of letters, digits and _")
    return args


def write_miniature(name, root, folder):
    """Build the corpus in small of a recipe that is there."""
    path = root / f"tests/helpers/miniatures/{name}.py"
    if not path.is_file():
        raise UserError(f"{path}: no such miniature; wanted that of a recipe")
    sys.path.insert(0, str(ROOT / "tests/helpers"))
    tree = runpy.run_path(str(ROOT / "tests/helpers/miniature.py"))["Tree"](folder)
    runpy.run_path(str(path))["build"](tree)
    print(f"{folder}: {sum(1 for found in folder.rglob('*') if found.is_file())} files")


if __name__ == "__main__":
    with one_line_errors("utils/new_corpus.py"):
        main()
