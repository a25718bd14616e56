#!/usr/bin/env python3
"""Audit a corpus: can the classes be told without listening, and what do its sets have in common?

Fits a logistic regression to each cue alone (duration, silence, level, bandwidth, file format, ...)
and to all of them together, and prints its AUC, 0.5 being chance: cross-validated within each set,
with other speakers in each fold; and, of several sets, on each by what the others teach, on each
of its lists of trials. Also tells which speakers, ids and sounds two sets have in common.
"""

import argparse
import itertools
import json
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/audit.py data/train data/dev data/eval --out exp/audit.json

A finding does not fail the command: the last lines say what was found.
"""


def main():
    options = parse()
    from antispoof.files import atomic_open

    result = audit(options)
    if options.out:
        with atomic_open(options.out) as stream:
            json.dump(result, stream, indent=1, sort_keys=True, allow_nan=False)
            stream.write("\n")
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
    options = parser.parse_args()
    if not 0.5 <= options.limit <= 1:
        raise UserError(f"--limit: found {options.limit}, wanted an AUC of 0.5 to 1")
    if len(set(options.data_dirs)) < len(options.data_dirs):
        raise UserError("found the same data directory twice; wanted different sets")
    return options


def audit(options):
    """The whole audit as a dictionary fit for JSON."""
    import numpy as np

    from antispoof.audit import audit

    sets = {str(folder): measured(folder) for folder in options.data_dirs}
    audit.encode_formats([cues for _, cues, _ in sets.values()])
    within, across = {}, {}
    for name, (tables, cues, _) in sets.items():
        speakers = np.array(list(tables["utt2spk"].values()))
        speakers = np.where(speakers == "-", list(tables["wav.scp"]), speakers)
        within[name] = audit.within(cues, bonafide(tables), speakers)
        others = [own for other, own in sets.items() if other != name]
        learnt = np.concatenate([bonafide(own[0]) for own in others]) if others else np.array([])
        if all(0 < own.sum() < len(own) for own in (learnt, bonafide(tables))):
            taught = {cue: np.vstack([own[1][cue] for own in others]) for cue in cues}
            across[name] = audit.across(taught, learnt, cues, bonafide(tables), lists(name, tables))
    common = {
        f"{first} and {second}": audit.shared(*(sets[n][0] for n in (first, second)),
                                              *(sets[n][2] for n in (first, second)))
        for first, second in itertools.combinations(sets, 2)
    }  # fmt: skip
    return {
        "sets": list(sets),
        "within": within,
        "across": across,
        "shared": common,
        "limit": options.limit,
        "findings": audit.verdict(within, across, common, options.limit),
    }


def lists(folder, tables):
    """{list of trials: which utterances (N,) bool}, with all of them first."""
    import numpy as np

    from antispoof.audit.audit import ALL
    from antispoof.data.data_dir import read_trials, trial_lists

    masks = {ALL: np.ones(len(tables["wav.scp"]), bool)}
    for name in trial_lists(folder):
        listed = set(read_trials(folder, name))
        masks[name] = np.array([utt in listed for utt in tables["wav.scp"]])
    return masks


def bonafide(tables):
    import numpy as np

    return np.array([label == "bonafide" for label in tables["utt2label"].values()])


def measured(folder):
    from antispoof.audit.audit import measure
    from antispoof.data.data_dir import read_data_dir
    from antispoof.progress import Progress

    tables = read_data_dir(folder)
    progress = Progress(len(tables["wav.scp"]), "utterances", f"cues of {folder.name}")
    cues, digests = measure(tables, progress)
    progress.close()
    return tables, cues, digests


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
