#!/usr/bin/env python3
"""Partial spoofs of the embedded corpus: data/{train,dev,eval}_partial from data/{train,dev,eval}.

Half of the recordings get a phrase of a spoof, a quarter one of the same person, a quarter none;
half of the phrases are cross-faded. All go through the channel once more. The same seed gives the
same bytes.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also under PYTHONSAFEPATH

from antispoof.errors import UserError, one_line_errors

EXAMPLE = "example:\n  local/prepare_partial.py --out data        # after run.sh --stop-stage 1"
SETS = ("train", "dev", "eval")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder of the sets (data)")
    parser.add_argument("--sets", default=" ".join(SETS), help='"train dev eval"')
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    args = parser.parse_args()
    from antispoof.progress import Progress
    from splicing.sets import make_set

    for name in args.sets.split():
        source, out = args.out / name, args.out / f"{name}_partial"
        if not (source / "wav.scp").is_file():
            raise UserError(f"{source}: no such set; run stage 1 of egs/mini first")
        progress = Progress(None, "utterances", f"{name}_partial")
        sounds = (args.out / "partial_sounds" / name).absolute()
        count = make_set(source, out, sounds, args.seed, progress.advance)
        progress.close()
        print(f"{out}: {count} utterances, with segments")


if __name__ == "__main__":
    with one_line_errors("egs/mini/local/prepare_partial.py"):
        main()
