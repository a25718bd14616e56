"""A script in an experiment's folder that trains this one again, or goes on with it."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

import torch

from ..files import atomic_path
from ..paths import ROOT

SCRIPT = """#!/usr/bin/env bash
# Trains this experiment: goes on from last.pt, or begins where there is none. Options are added.
set -euo pipefail
cd {here}
. {root}/utils/environment.sh
export OMP_NUM_THREADS={threads} # another number rounds in another way
mkdir -p {log}
exec 9>>{log}/train.log # which utils/run.py locks too; without locks, both write the same bytes
flock -n -E 75 9 || [ $? != 75 ] || # another status: there are no locks
  {{ echo "$0: another run is at work on this; wait for it, or end it" >&2 && exit 1; }}
exec {command} "$@"
"""


def write_rerun(exp_dir: str | Path, arguments: Iterable[str], processes: int = 1) -> None:
    """Write EXP_DIR/run.sh: steps/train.py with these `arguments`, in the current folder."""
    words = [str(ROOT / "steps/train.py"), *arguments]
    team = ["torchrun", "--standalone", "--nproc_per_node", str(processes)]
    text = SCRIPT.format(
        here=shlex.quote(os.getcwd()),
        root=shlex.quote(str(ROOT)),
        threads=torch.get_num_threads(),
        log=shlex.quote(f"{exp_dir}/log"),
        command=shlex.join([*(team if processes > 1 else ["python"]), *words]),
    )
    with atomic_path(Path(exp_dir) / "run.sh") as temporary:
        temporary.write_text(text, "utf-8")
        temporary.chmod(0o755)
