"""Work of a killed launcher that is started again for another place is not done twice."""

import fcntl
import subprocess
import time
from pathlib import Path

import pytest
from fake_scheduler import RUNS, FakeScheduler

from antispoof.errors import UserError
from antispoof.launcher import back_ends, records
from antispoof.launcher.array import new_array
from antispoof.launcher.job import Job, Request
from antispoof.launcher.scheduler import Away
from antispoof.launcher.sge import Sge
from antispoof.launcher.slurm import Slurm


@pytest.fixture
def left(tmp_path, monkeypatch):
    """(scheduler, its array, its job), which a launcher left with --cluster slurm."""
    monkeypatch.chdir(tmp_path)
    job = Job(["touch", "made"], Path("x.log"))
    array = new_array([job], {job: 1})
    records.write(array, [], "slurm")
    fake = FakeScheduler()
    fake.known[array.name] = {1: RUNS}
    monkeypatch.setitem(back_ends.SCHEDULERS, "slurm", lambda: fake)
    return fake, array, job


@pytest.mark.parametrize("cluster", ["local", "sge"])
def test_what_runs_on_a_cluster_is_not_begun_elsewhere(left, cluster):
    _, array, job = left
    with pytest.raises(UserError) as found:
        back_ends.run([job], Request(cluster=cluster))
    assert str(found.value) == (
        "x.log: a task of slurm may be at work on this; wait for it with the --cluster of before, "
        f"or cancel it: fake-cancel {array.name}"
    )
    assert not Path("made").exists()
    assert records.path_of(job).exists()


def test_a_scheduler_that_does_not_answer_may_have_it_still(left, monkeypatch):
    fake, _, job = left

    def states(*_):
        raise Away("down")

    monkeypatch.setattr(fake, "states", states)
    with pytest.raises(UserError, match="may be at work on this"):
        back_ends.run([job], Request())


@pytest.mark.parametrize("how", ["by its own word", "the scheduler knows nothing of it"])
def test_what_has_ended_there_is_made_here(left, how):
    fake, array, job = left
    if how == "by its own word":
        fake.end(array.folder, 1, 3)
        fake.known[array.name] = {1: RUNS}  # as schedulers show it for seconds after its end
    else:
        del fake.known[array.name]
    assert back_ends.run([job], Request()) == []
    assert Path("made").exists()
    assert not records.path_of(job).exists() and not array.folder.exists()


def test_what_runs_here_is_not_handed_to_a_cluster(left):
    _, array, job = left
    records.forget(array)
    subprocess.run(["touch", "x.log"], check=True)
    with open("x.log") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="x.log: another run is at work on this"):
            back_ends.run([job], Request(cluster="slurm"))


def test_what_a_user_types_to_cancel_some_tasks_names_no_others():
    slurm = Slurm()
    assert slurm.by_hand("name") == "scancel -n name"
    slurm.numbers["name"] = "7"
    assert slurm.by_hand("name", [1, 2, 5]) == "scancel '7_[1-2,5-5]'"
    assert Sge().by_hand("name") == "qdel name"
    assert Sge().by_hand("name", [1, 2, 5]) == "qdel name -t 1-2; qdel name -t 5-5"


def test_a_launcher_in_a_task_waits_for_no_record_that_was_never_there(left, monkeypatch):
    _, array, job = left
    records.forget(array)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    started = time.monotonic()
    assert records.place_of(job) is None
    assert time.monotonic() - started < 20
