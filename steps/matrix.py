#!/usr/bin/env python3
"""Put systems against test sets: pooled EER with intervals, as JSON, Markdown and a picture.

First it prints what each training set and each test set have in common: speakers, ids, sounds.
Cells with any of that, and those that --known or EXP/trained_on lists, are marked as no fair test.
Scores are looked for next to the experiment, in its own recipe, and in the recipe of the set, in a
copy of the experiment with the same best.pt. A cell without scores stays empty.
"""

import argparse
import os
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/matrix.py --find egs --known egs/cross_corpus/known.yaml egs/cross_corpus/exp/
  steps/matrix.py --models "egs/mini/exp/mel_cnn_seed1" --sets "egs/mini/data/eval" exp/matrix/

OUT/ gets matrix.json, matrix.md, matrix.png, and sounds/ with digests of what was compared.
"""


def main():
    options = parse()
    from antispoof.evaluation import matrix  # late: --help answers at once

    exps = [Path(path) for path in options.models]
    sets = [Path(path) for path in options.sets]
    if options.find:
        exps, sets = (
            exps or matrix.find_models(options.find),
            sets or matrix.find_sets(options.find),
        )
    matrix.require_models_and_sets(exps, sets)
    rows = matrix.rows_of({exp: matrix.learnt_on(exp) for exp in exps})
    named = {(Path(exp), Path(data)): Path(path) for exp, data, path in options.scores}
    if options.missing:
        for exp, data in matrix.missing(rows, sets, named):
            print(f"{exp}\t{data}\t{matrix.copy_name(exp)}")
        return
    common = compare(rows, sets, options)
    cells = {}
    for row in rows:
        for data in sets:
            found = matrix.cell(row, data, named, options.bootstrap, options.seed)
            cells[row.name, matrix.place_of(data)] = {
                **found,
                **fairness(row, data, common, options),
            }
    write(rows, [matrix.place_of(data) for data in sets], cells, options)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    lists = {"action": "extend", "type": str.split, "default": []}
    parser.add_argument("--models", **lists, metavar='"EXP ..."', help="experiments, the rows")
    parser.add_argument("--sets", **lists, metavar='"DATA_DIR ..."', help="the columns")
    parser.add_argument("--find", type=Path, metavar="EGS", help="all of EGS where none is named")
    parser.add_argument(
        "--scores",
        nargs=3,
        action="append",
        default=[],
        metavar=("EXP", "DATA_DIR", "FILE"),
        help="where the scores of a cell are",
    )
    parser.add_argument("--known", type=Path, metavar="YAML", help="pairs that are no fair test")
    parser.add_argument("--no-sounds", action="store_true", help="compare speakers and ids alone")
    parser.add_argument("--missing", action="store_true", help="only print what has no scores")
    parser.add_argument("--nj", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="0: no intervals")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("out", type=Path, metavar="OUT")
    options = parser.parse_args()
    if options.bootstrap < 0:
        raise UserError(f"--bootstrap: found {options.bootstrap}, wanted 0 or more")
    if options.nj < 1:
        raise UserError(f"--nj: found {options.nj}, wanted 1 or more")
    return options


def compare(rows, sets, options):
    """Print what training and test sets share; {(training set, test set): what it is}."""
    from antispoof.audit.overlap import doubtful, overlaps, read_known
    from antispoof.evaluation.matrix import place_of
    from antispoof.progress import Progress

    options.entries = read_known(options.known) if options.known else []
    there = [row.train for row in rows if row.train and (row.train / "utt2label").is_file()]
    pairs = [(train, data) for train in there for data in sets]
    kept = None if options.no_sounds else options.out / "sounds"
    common = overlaps(pairs, kept, Progress, options.nj)
    print(f"{'training set':28s}{'test set':28s}{'speakers':>9s}{'ids':>9s}{'sounds':>9s}")
    for (train, data), found in common.items():
        counts = [found[what]["count"] if what in found else "-" for what in WHATS]
        print(f"{place_of(train):28s}{place_of(data):28s}" + "".join(f"{c:>9}" for c in counts))
    for row in rows:
        if row.train not in there:
            print(f"{row.name}: its training set is not at hand; nothing is compared")
    print("".join(f"{line}\n" for line in doubtful(common)), end="")
    return common


WHATS = ("speakers", "ids", "sounds")


def fairness(row, data, common, options):
    """{train, shared, known, marks, fair} of a cell; a fair test has no marks but `unchecked`."""
    from antispoof.audit.overlap import known_of
    from antispoof.evaluation.contamination import reasons_of
    from antispoof.evaluation.matrix import place_of

    shared = common.get((row.train, data))
    names = [row.name, *map(place_of, row.exps), *([place_of(row.train)] if row.train else [])]
    known = known_of(options.entries, names, place_of(data)) + reasons_of(row.exps, data)
    marks = [what for what, found in (shared or {}).items() if found["count"]]
    marks += ["known"] * bool(known)
    train = place_of(row.train) if row.train else None
    own = {"train": train, "shared": shared, "known": known}
    return {**own, "marks": marks + ["unchecked"] * (not shared), "fair": not marks}


def write(rows, columns, cells, options):
    from antispoof.data.json_files import write_json
    from antispoof.files import atomic_open
    from antispoof.report.matrix import markdown, picture

    names = [row.name for row in rows]
    table = {name: {column: cells[name, column] for column in columns} for name in names}
    write_json(options.out / "matrix.json", {"rows": names, "columns": columns, "cells": table})
    text = markdown(names, columns, cells)
    with atomic_open(options.out / "matrix.md") as stream:
        stream.write(text)
    with atomic_open(options.out / "matrix.png", "wb") as stream:
        picture(names, columns, cells, stream)
    print(text, end="")
    for place, found in sorted(
        {(c, line) for (_, c), own in cells.items() for line in own["known"]}
    ):
        print(f"{place}: {found}")
    print(f"{options.out}/matrix.png: {len(names)} x {len(columns)} cells")


if __name__ == "__main__":
    with one_line_errors("steps/matrix.py"):
        main()
