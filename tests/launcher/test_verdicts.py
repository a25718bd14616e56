"""What became of a task: its own status first, then what its scheduler says."""

from antispoof.launcher.scheduler import State
from antispoof.launcher.verdicts import Verdict, judge

KILLED = {"status": -15, "host": "n1"}
CANCELLED = State("CANCELLED", over=True, meaning="somebody cancelled it")
PREEMPTED = State("PREEMPTED", over=True, lost=True, taken=True)


def test_a_task_that_a_signal_ended_is_judged_once_the_scheduler_says_why():
    for state in (None, State("RUNNING"), State("COMPLETING")):
        assert judge(KILLED, state, "", late=True) is None
    assert judge(KILLED, CANCELLED, "", late=False) == Verdict(
        -15, "somebody cancelled it", ended=True
    )
    assert judge(KILLED, State("FAILED", over=True), "", late=False).reason == "status -15 on n1"
    said = judge(KILLED, State("COMPLETING"), "its time limit came", late=False)
    assert said == Verdict(-15, "its time limit came", ended=True)


def test_a_task_that_failed_by_itself_waits_for_nobody():
    found = judge({"status": 3, "host": "n1"}, State("COMPLETING"), "", late=False)
    assert found == Verdict(3, "status 3 on n1", ended=True)
    assert judge({"status": 0, "host": "n1"}, None, "", late=False) == Verdict(0, ended=True)


def test_a_task_whose_place_others_took_is_lost_and_taken():
    for ended in (None, KILLED):
        found = judge(ended, PREEMPTED, "", late=True)
        assert (found.lost, found.taken, "PREEMPTED" in found.reason) == (True, True, True)
    gone = judge(None, State("GONE", over=True, lost=True), "", late=True)
    assert (gone.lost, gone.taken) == (True, False)
