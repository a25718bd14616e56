#!/usr/bin/env python3
"""Audit a corpus: do duration, silence, level or bandwidth alone tell spoof from bona fide?

Fits a logistic regression to each such cue of the training sets, and to all of them together, and
prints its EER on the other set; 50 % is chance. Also tells which speakers, ids and sounds the sets
have in common.
"""

import argparse
import json
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/audit.py data/eval data/train --out exp/audit.json

Every list DATA_DIR/trials/NAME is judged beside all trials. A finding does not fail the command:
the last line says what was found.
"""


def main():
    options = parse()
    from antispoof.files import atomic_open

    result = audit(options)
    with atomic_open(options.out) as stream:
        json.dump(result, stream, indent=1, sort_keys=True, allow_nan=False)
        stream.write("\n")
    tell(result)
    print(f"{options.out}: {len(result['findings'])} findings, limit {100 * options.limit:g} % EER")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR", help="the set that is judged")
    parser.add_argument(
        "train", type=Path, nargs="+", metavar="TRAIN_DIR", help="sets to learn from"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.json")
    parser.add_argument(
        "--limit", type=float, default=0.35, help="a cue with a lower EER is called a shortcut"
    )
    options = parser.parse_args()
    if not 0 <= options.limit <= 0.5:
        raise UserError(f"--limit: found {options.limit}, wanted a fraction of 0 to 0.5")
    return options


def audit(options):
    """The whole audit as a dictionary fit for JSON."""
    import numpy as np

    from antispoof.audit import ALL, separability, shared, verdict, with_together
    from antispoof.data_dir import read_trials

    tables, cues, digests = measured(options.data_dir)
    others = [measured(folder) for folder in options.train]
    train = {name: np.vstack([cues[name] for _, cues, _ in others]) for name in others[0][1]}
    train_bonafide = np.concatenate([bonafide(tables) for tables, _, _ in others])
    if train_bonafide.all() or not train_bonafide.any():
        raise UserError(f"{options.train[0]}: one class only; wanted bona fide and spoof to learn")
    utts, masks = list(tables["wav.scp"]), {ALL: np.ones(len(digests), bool)}
    for path in sorted(options.data_dir.glob("trials/*")):
        listed = set(read_trials(options.data_dir, path.name))
        masks[path.name] = np.array([utt in listed for utt in utts])
    separated = separability(
        with_together(train), train_bonafide, with_together(cues), bonafide(tables), masks
    )
    common = {
        str(folder): shared(tables, other, digests, other_digests)
        for folder, (other, _, other_digests) in zip(options.train, others, strict=True)
    }
    return {
        "set": str(options.data_dir),
        "train": [str(folder) for folder in options.train],
        "cues": separated,
        "shared": common,
        "limit": options.limit,
        "findings": verdict(separated, common, options.limit),
    }


def bonafide(tables):
    import numpy as np

    return np.array([label == "bonafide" for label in tables["utt2label"].values()])


def measured(folder):
    from antispoof.audit import measure
    from antispoof.data_dir import read_data_dir
    from antispoof.progress import Progress

    tables = read_data_dir(folder)
    progress = Progress(len(tables["wav.scp"]), "utterances", f"cues of {folder.name}")
    cues, digests = measure(tables, progress)
    progress.close()
    return tables, cues, digests


def tell(result):
    lists = list(next(iter(result["cues"].values())))
    print(f"{'EER % by one cue':16s}" + "".join(f"{title:>10s}" for title in lists))
    for name, by_list in result["cues"].items():
        row = "".join(f"{100 * by_list[title]['eer']:10.1f}" for title in lists)
        print(f"{name:16s}{row}")
    for finding in result["findings"] or ["nothing found: no shortcut, nothing shared"]:
        print(finding)


if __name__ == "__main__":
    with one_line_errors("steps/audit.py"):
        main()
