#!/usr/bin/env python3
"""Stage 1 of egs/mini: build the embedded corpus and write its data directories.

People come from Debian packages of games, telephone prompts and voices; spoofs are made here by
the speech synthesisers of Debian and PyPI. The sounds lie in a cache, keyed by all versions, and
are built once; a second call only writes the tables.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also under PYTHONSAFEPATH

from antispoof.errors import UserError, one_line_errors
from antispoof.paths import cache_folder

EXAMPLE = """example:
  local/prepare_data.py --out data                       # 5,060 utterances, about 5 minutes
  local/prepare_data.py --out data --size small --nj 2   # 400 utterances, for tests
"""


def main():
    """Build or find the corpus, write data/{train,dev,eval}, PROVENANCE, missing_attacks."""
    args = parse()
    from antispoof.files import atomic_open
    from corpus import datadir, store, wheels
    from corpus.provenance import provenance

    cache = Path(args.cache or cache_folder()).absolute()
    folder, records, missing, versions = store.obtain(cache, args.size, args.nj, args.allow_partial)
    out = Path(args.out)
    digests = datadir.write_sets(out, folder, records)
    datadir.write_missing(out / "missing_attacks", missing)
    command = shlex.join(["local/prepare_data.py", *sys.argv[1:]])
    pins = wheels.REQUIREMENTS.read_text(encoding="utf-8")
    with atomic_open(out / "PROVENANCE") as stream:
        stream.write(provenance(command, folder, records, missing, versions, pins, digests))
    print(f"{out}: {len(records)} utterances in train, dev and eval; {out}/PROVENANCE says of what")
    for attack, reason in sorted(missing.items()):
        print(f"{out}: without {attack}: {reason}")


def parse():
    """The command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", default="data", help="folder of the data directories (data)")
    parser.add_argument("--size", choices=("full", "small"), default="full", help="of the corpus")
    parser.add_argument("--cache", help="of downloads and sounds ($XDG_CACHE_HOME/antispoof)")
    parser.add_argument(
        "--nj", type=int, default=len(os.sched_getaffinity(0)), help="parallel processes (all CPUs)"
    )
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="go on without the attacks whose synthesiser is missing or fails",
    )
    args = parser.parse_args()
    if args.nj < 1:
        raise UserError(f"--nj: found {args.nj}, wanted 1 or more")
    return args


if __name__ == "__main__":
    with one_line_errors("egs/mini/local/prepare_data.py"):
        main()
