"""What a launcher does where its scheduler, or its own disk, gives trouble at a bad moment."""

import errno
import os
from pathlib import Path

import pytest
from fake_scheduler import RUNS, WAITS, FakeScheduler, work

from antispoof.errors import UserError
from antispoof.launcher import records, stamps, talk
from antispoof.launcher.array import Array
from antispoof.launcher.failures import report_failures
from antispoof.launcher.job import Job
from antispoof.launcher.scheduler import Away, State
from antispoof.launcher.stamps import Stamp


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def jobs_of(count, stamp=None):
    return [Job(["true"], Path(f"{n}.log"), stamp) for n in range(1, count + 1)]


@pytest.mark.parametrize("word", ["NODE_FAIL", "CANCELLED"])
def test_no_signal_is_named_where_the_scheduler_says_why_a_silent_task_ended(capsys, word):
    meaning = "somebody cancelled it" if word == "CANCELLED" else ""

    def begin(fake, folder, count):
        state = State(word, over=True, lost=not meaning, meaning=meaning)
        fake.known[folder.name] = {1: state}

    failed = work(jobs_of(1), FakeScheduler(begin), retries=0)
    report_failures(failed, 1, "slurm")
    error = capsys.readouterr().err
    assert (meaning or word) in error
    assert "SIGKILL" not in error and "memory" not in error


def test_a_task_that_says_which_signal_ended_it_has_it_named(capsys):
    Path("1.log").write_text("epoch 3\n")
    failed = work(jobs_of(1), FakeScheduler(lambda fake, folder, count: fake.end(folder, 1, -9)))
    report_failures(failed, 1, "slurm")
    assert "ended by SIGKILL; where nobody sent it, memory ran out" in capsys.readouterr().err


def test_after_a_failure_what_waits_is_cancelled_once_the_scheduler_hears_it(capsys):
    def begin(fake, folder, count):
        fake.known[folder.name] = {1: RUNS, 2: WAITS, 3: WAITS}
        fake.end(folder, 1, 3)

    class Deaf(FakeScheduler):
        asked, looks = 0, 0

        def states(self, *words):
            self.looks += 1
            if self.looks == 50:  # nothing waits for ever
                for task in (2, 3):
                    self.end(next(Path(".jobs").glob("antispoof-*")), task)
            return super().states(*words)

        def cancel(self, *words, **options):
            self.asked += 1
            if self.asked < 3:
                raise Away("down")
            super().cancel(*words, **options)

    fake, jobs = Deaf(begin), jobs_of(3)
    assert work(jobs, fake) == jobs[:1]
    assert fake.asked == 3
    assert [job.status for job in jobs] == [3, None, None]


class Full(Stamp):
    """A stamp that finds a full disk."""

    def __init__(self):
        super().__init__(Path("x.done"), "true", [])

    def write(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x.done")


def test_an_error_of_the_launcher_itself_says_where_the_tasks_are_named_that_go_on(capsys):
    def begin(fake, folder, count):
        fake.end(folder, 1)

    fake, jobs = FakeScheduler(begin), jobs_of(2, Full())
    with pytest.raises(OSError, match="No space left"):
        work(jobs, fake)
    error = capsys.readouterr().err
    assert "2 tasks go on without this launcher: 1.log.job names the first" in error
    assert [records.path_of(job).exists() for job in jobs] == [True, True]
    assert fake.heard == ["submit 2"]
    fake.end(next(Path(".jobs").glob("antispoof-*")), 2)
    assert work(jobs_of(2, Stamp(Path("x.done"), "true", [])), fake) == []
    assert (fake.heard, Path("x.done").exists()) == (["submit 2"], True)


class Odd(FakeScheduler):
    """Says for a while what no pattern knows."""

    left = 3

    def states(self, name, job):
        self.left -= 1
        if self.left >= 0:
            raise UserError("squeue: slurm_load_jobs error: Protocol authentication error")
        if not self.left + 1:
            self.end(next(Path(".jobs").glob("antispoof-*")), 1)
        return super().states(name, job)


def test_an_error_that_nobody_knows_ends_no_run_while_tasks_are_at_work(capsys):
    fake = Odd()
    assert work(jobs_of(1), fake) == []
    error = capsys.readouterr().err
    assert "slurm does not answer, waits for it: squeue: slurm_load_jobs error" in error
    assert "it answers again" in error
    assert fake.heard == ["submit 1"]


def test_an_error_that_nobody_knows_and_that_lasts_ends_the_run(monkeypatch):
    monkeypatch.setattr(talk, "PATIENCE", 0.5)
    fake = Odd()
    fake.left = 15
    with pytest.raises(UserError, match="Protocol authentication error"):
        work(jobs_of(1), fake)


def test_an_error_that_nobody_knows_at_submission_is_fatal_at_once():
    class Refuses(FakeScheduler):
        def submit(self, *words):
            raise UserError("sbatch: error: Protocol authentication error")

    with pytest.raises(UserError, match="sbatch"):
        work(jobs_of(1), Refuses())
    assert not list(Path().glob("*.job")) + list(Path().glob(".jobs"))


def test_what_a_judged_task_wrote_is_not_opened_again(monkeypatch):
    opened, status = [], Array.status
    monkeypatch.setattr(Array, "status", lambda a, i: opened.append(i) or status(a, i))

    def begin(fake, folder, count):
        fake.end(folder, 1)

    def states(name, job, asked=[]):  # noqa: B006 - counts
        asked.append(name)
        if len(asked) == 8:
            fake.end(next(Path(".jobs").glob("antispoof-*")), 2)
        return FakeScheduler.states(fake, name, job)

    fake = FakeScheduler(begin)
    fake.states = states
    assert work(jobs_of(2), fake) == []
    assert opened.count(1) <= 2


def test_what_rests_on_an_input_that_changes_while_tasks_wait_has_failed():
    def begin(fake, folder, count):
        Path("input").write_text("22")
        fake.end(folder, 1)

    Path("input").write_text("1")
    (job,) = jobs_of(1, Stamp(Path("x.done"), "true", ["input"]))
    assert work([job], FakeScheduler(begin)) == [job]
    assert (job.status, job.reason) == (1, "input changed while it ran; run it again")
    assert not Path("x.done").exists()


def test_inputs_are_read_again_only_where_they_may_have_changed(monkeypatch):
    Path("input").write_text("1")
    stamp = Stamp(Path("x.done"), "true", ["input"])
    read = []
    monkeypatch.setattr(stamps, "sha256_file", lambda path: read.append(path) or "of another")
    assert (stamp.changed(), read) == ("", [])
    os.utime("input", (1, 1))
    assert (stamp.changed(), read) == ("input", [Path("input")])
    Path("input").unlink()
    assert stamp.changed() == "input"


def test_gpus_of_this_machine_are_not_named_to_those_of_a_node(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("SEEN", "by all")
    said = FakeScheduler().ask(["env"]).splitlines()
    assert "SEEN=by all" in said
    assert not [line for line in said if line.startswith("CUDA_VISIBLE_DEVICES")]
