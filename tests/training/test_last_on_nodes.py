"""Processes on several machines go on after the same epoch, however late a file is seen there."""

import json
import os
import subprocess
import sys
import threading

from antispoof.torch_utils.checkpoint import save_checkpoint

# Each process has a folder of its own, in place of one that is seen late.
READ = """
import os
from pathlib import Path
import torch
from antispoof.torch_utils.distributed import join_team, leave_team
from antispoof.training.last import read_together

team, device = join_team(torch.device("cpu"))
phases = [{"select": {"metric": "dev_loss"}}]
state, rows = read_together(Path(f"node{team.rank}/last.pt"), device, phases, team)
print("found", team.rank, state["phase"], len(rows), flush=True)
leave_team(team)
"""


def write(folder, epochs):
    row = {"phase": 1, "train_loss": 1.0, "lr": 0.1, "dev_loss": 1.0, "dev_eer": 0.5}
    rows = [{"epoch": epoch, **row} for epoch in range(1, epochs + 1)]
    folder.mkdir(exist_ok=True)
    save_checkpoint(folder / "last.pt", {"learner": {}, "phase": 1, "rows": json.dumps(rows)})


def read(folder, wait):
    """(exit status, stdout, stderr) of two processes that read."""
    (folder / "read.py").write_text(READ)
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    done = subprocess.run(
        [sys.executable, *launcher, "read.py"],
        cwd=folder,
        env={**os.environ, "ANTISPOOF_WAIT": wait},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, sorted(done.stdout.splitlines()), done.stderr


def test_all_processes_wait_for_the_epoch_that_the_first_one_finds(tmp_path):
    write(tmp_path / "node0", 3)
    write(tmp_path / "node1", 2)
    status, _, error = read(tmp_path, "0")
    assert status != 0
    assert "node1/last.pt: found 2 epochs on " in error and "wanted 3, which the first" in error
    timer = threading.Timer(12, write, (tmp_path / "node1", 3))
    timer.start()
    status, out, error = read(tmp_path, "280")
    timer.join()
    assert (status, out) == (0, ["found 0 1 3", "found 1 1 3"]), error


def test_without_a_file_all_begin(tmp_path):
    assert read(tmp_path, "0")[1] == ["found 0 0 0", "found 1 0 0"]
