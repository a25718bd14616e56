#!/usr/bin/env python3
"""Audit a corpus: can simple cues separate its classes, and what do its sets have in common?

Fits a logistic regression to each cue alone (duration, silence, level, bandwidth, file format, ...)
and to all of them together, and prints its AUC, 0.5 being chance: cross-validated within each set,
with other speakers in each fold; and, of several sets, on each by what the others teach, on each
of its lists of trials. Also tells which speakers, ids and sounds two sets have in common.
"""

import argparse
from pathlib import Path

from antispoof import CONVERSIONS
from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/audit.py data/train data/dev data/eval --out exp/audit.json

A finding does not fail the command: the last lines say what was found.
"""


def main():
    options = parse()
    from antispoof.audit.audit import audit
    from antispoof.data.json_files import write_json
    from antispoof.progress import Progress

    result = audit(options.data_dirs, options.limit, Progress, options.allow)
    if options.out:
        write_json(options.out, result)
    tell(result)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dirs", type=Path, nargs="+", metavar="DATA_DIR")
    parser.add_argument("--out", type=Path, metavar="OUT.json")
    parser.add_argument(
        "--limit", type=float, default=0.7, help="a cue with a higher AUC is called a shortcut"
    )
    parser.add_argument(
        "--allow", action="append", default=[], choices=CONVERSIONS, help="convert such sounds"
    )
    options = parser.parse_args()
    if not 0.5 <= options.limit <= 1:
        raise UserError(f"--limit: found {options.limit}, wanted an AUC of 0.5 to 1")
    if len(set(options.data_dirs)) < len(options.data_dirs):
        raise UserError("found the same data directory twice; wanted different sets")
    return options


def tell(result):
    columns = {f"{name}, cross-validated": found for name, found in result["within"].items()}
    for name, found in result["across"].items():
        titles = dict.fromkeys(title for by_list in found.values() for title in by_list)
        for title in titles:
            own = {cue: by_list[title]["auc"] for cue, by_list in found.items()}
            columns[f"{name} ({title}), learnt on the others"] = own
    names = dict.fromkeys(cue for found in columns.values() for cue in found)
    for number, title in enumerate(columns, 1):
        print(f"[{number}] {title}")
    print(f"{'AUC by one cue':16s}" + "".join(f"{f'[{n + 1}]':>7s}" for n in range(len(columns))))
    for cue in names:
        aucs = [found.get(cue) for found in columns.values()]
        row = "".join(f"{'-':>7s}" if auc is None else f"{auc:7.3f}" for auc in aucs)
        worst = max(auc for auc in aucs if auc is not None)
        print(f"{cue:16s}{row}  {'shortcut' if worst > result['limit'] else 'fair'}")
    for finding in result["findings"] or ["nothing found: no shortcut, nothing shared"]:
        print(finding)
    print(f"{len(result['findings'])} findings, limit AUC {result['limit']:g}")


if __name__ == "__main__":
    with one_line_errors("steps/audit.py"):
        main()
