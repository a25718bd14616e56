"""What a killed attempt of a job leaves does not stay."""

from launching import queue, script, task


def test_what_a_killed_worker_left_under_temporary_names_is_removed(tmp_path):
    text = """import os, signal
from pathlib import Path
from antispoof.files import atomic_open
import sys
out = Path(sys.argv[-1])
folder = out / "deep" if out.name == "made" else out.parent
with atomic_open(folder / "other [1]"), atomic_open(folder / out.name):
    first = not Path("tried").exists()
    Path("tried").touch()
    first and os.kill(os.getpid(), signal.SIGKILL)
"""
    work = script(tmp_path, text, "work.py")
    (tmp_path / ".kept.1.ab.tmp").touch()
    for name, left in (("made/", 0), ("a[1]", 1)):
        (tmp_path / "tried").unlink(missing_ok=True)
        assert queue(tmp_path, task(work, name))[0] == 1
        assert len(list(tmp_path.rglob(".*.tmp"))) == 3
        assert queue(tmp_path, task(work, name))[0] == 0
        found = sorted(path.name.split(".")[1] for path in tmp_path.rglob(".*.tmp"))
        assert found == ["kept", "other [1]"][: 1 + left]  # nobody else makes what is in a folder
