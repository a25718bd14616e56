"""What became of a task: its own status first, then what its scheduler says."""

from antispoof.launcher.scheduler import LIMIT, State
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


def test_the_end_of_a_task_that_heard_a_signal_or_ran_on_several_nodes_is_the_scheduler_s_to_say():
    node_fail = State("NODE_FAIL", over=True, lost=True)
    for more in ({"signal": "SIGTERM"}, {"nodes": 2}):
        ended = {"status": 1, "host": "n1", **more}
        assert judge(ended, State("COMPLETING"), "", late=True) is None
        assert judge(ended, node_fail, "", late=False).lost
        found = judge(ended, State("FAILED", over=True), "", late=False)
        assert found == Verdict(1, "status 1 on n1", ended=True)


def test_a_time_limit_is_known_whether_the_task_or_its_scheduler_says_it():
    timeout = State("TIMEOUT", over=True, meaning=LIMIT)
    for ended, state, said in (
        (KILLED, timeout, ""),
        (KILLED, State("COMPLETING"), LIMIT),
        (None, timeout, ""),
    ):
        found = judge(ended, state, said, late=True)
        assert (found.limit, found.lost, found.reason) == (True, False, LIMIT)
    assert not judge(KILLED, CANCELLED, "", late=True).limit
