"""What a launcher finds of another one that was killed."""

import subprocess
import time

from antispoof.launcher import records
from antispoof.launcher.array import new_array
from antispoof.launcher.job import Job


def test_a_program_that_still_submits_for_a_killed_launcher_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = Job(["true"], tmp_path / "x.log")
    array = new_array([job], {job: 1})
    records.write(array, [])
    qsub = subprocess.Popen(["sleep", "1.5"], cwd=array.folder)
    started = time.monotonic()
    found, other = records.read([job], [])
    assert time.monotonic() - started > 1 and qsub.wait() == 0
    assert ([one.name for one in found], other) == ([array.name], [])
