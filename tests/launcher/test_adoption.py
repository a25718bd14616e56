"""What a launcher does with tasks that a killed one left, task by task."""

import json
import subprocess
from pathlib import Path

import pytest
from fake_scheduler import RUNS, FakeScheduler, settings, work
from launching import begin, finish, kill_launcher, script, wait_for

from antispoof.errors import UserError
from antispoof.launcher import cancelling, records
from antispoof.launcher.array import new_array
from antispoof.launcher.job import Job, Request
from antispoof.launcher.scheduler import State


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_by_a_killed_launcher(count):
    """(array, jobs) of a launcher that is gone."""
    jobs = [Job(["true", str(n)], Path(f"log/{n}.log")) for n in range(1, count + 1)]
    array = new_array(jobs, dict.fromkeys(jobs, 1))
    records.write(array, settings().flags(Request()))
    gone = subprocess.Popen(["true"])
    gone.wait()
    for job in jobs:
        path = records.path_of(job)
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": gone.pid, "born": "1"}))
    return array, jobs


def ends_well(fake, folder, count):
    for task in range(1, count + 1):
        fake.end(folder, task)


def test_what_ended_well_or_runs_is_kept_and_only_the_rest_is_submitted_again():
    array, jobs = left_by_a_killed_launcher(4)
    fake = FakeScheduler(ends_well)
    fake.known[array.name] = {2: RUNS}  # of the fourth nobody knows anything
    for task, status in ((1, 0), (3, 3)):
        fake.end(array.folder, task, status)

    def states(name, job, asked=[0]):  # noqa: B006 - counts
        asked[0] += 1
        if name == array.name and asked[0] == 6:
            fake.end(array.folder, 2)
        return FakeScheduler.states(fake, name, job)

    fake.states = states
    assert work(jobs, fake) == []
    assert fake.heard == ["submit 2"]
    assert [job.status for job in jobs] == [0] * 4
    again = [path.read_text() for path in Path("log").glob(".jobs/*/tasks.json")]
    assert again == []
    assert list(Path("log").glob("*.job")) == []


def test_the_folder_of_an_array_stays_as_long_as_tasks_of_other_calls_are_in_it():
    array, jobs = left_by_a_killed_launcher(2)
    fake = FakeScheduler(ends_well)
    fake.known[array.name] = {2: RUNS}
    fake.end(array.folder, 1)
    assert work(jobs[:1], fake) == []
    assert fake.heard == []
    assert array.folder.exists() and records.path_of(jobs[1]).exists()
    fake.end(array.folder, 2)
    assert work(jobs[1:], fake) == []
    assert (fake.heard, array.folder.exists()) == ([], False)


def test_tasks_of_other_calls_are_not_cancelled():
    array, jobs = left_by_a_killed_launcher(3)
    fake = FakeScheduler(ends_well)
    fake.known[array.name] = dict.fromkeys((1, 2, 3), RUNS)
    jobs[0].words[1] = "meant otherwise"
    assert work(jobs[:1], fake) == []
    assert fake.heard == ["cancel [1]", "submit 1"]
    assert fake.known[array.name].keys() == {2, 3}
    fake.end(array.folder, 2, 3)  # fails by itself: its launcher takes nothing else with it
    fake.begin = lambda fake, folder, count: fake.end(folder, 1, 3)
    assert work(jobs[1:2], fake) == jobs[1:2]
    assert fake.known[array.name][3] == RUNS


def test_what_is_cancelled_and_does_not_go_is_not_done_a_second_time(monkeypatch):
    monkeypatch.setattr(cancelling, "PATIENCE", 0.5)
    array, jobs = left_by_a_killed_launcher(1)
    fake = FakeScheduler(ends_well)
    fake.cancel = lambda *words, **options: None
    fake.known[array.name] = {1: State("COMPLETING")}
    jobs[0].words[1] = "meant otherwise"
    with pytest.raises(UserError, match=f"does not go.*fake-cancel {array.name}"):
        work(jobs, fake)
    assert fake.heard == []
    assert records.path_of(jobs[0]).exists()


def test_a_call_for_one_of_two_that_run_cancels_that_one_alone(cluster, tmp_path):
    work = script(tmp_path, 'touch "began.$1"; exec sleep 120')
    call = ["--cluster", cluster.name, "--slots", 2]
    process = begin(tmp_path, *call, "JOB=1:2", "{job}.log", work, "{job}")
    wait_for(lambda: len(list(tmp_path.glob("began.*"))) == 2, 60)
    kill_launcher(process)
    status, _, error = finish(begin(tmp_path, *call, "1.log", "true"), 60)
    assert (status, error) == (0, "")
    wait_for(lambda: len(cluster.queue()) == 1, 30)
    assert (tmp_path / "2.log.job").exists()
    process = begin(tmp_path, *call, "2.log", work, "2")
    wait_for(lambda: "waits for 1 tasks" in process.stderr.readline(), 1)
    process.terminate()
    assert finish(process, 60)[0] == 143
    assert cluster.queue() == []
    assert not list(tmp_path.glob(".jobs/*"))
