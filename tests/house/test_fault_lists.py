"""The lists of plausible faults name texts and tests that are there."""

import ast
import re
import subprocess
import sys

import pytest
from made_up import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import mutants
from fault_lists import Fault, read_faults

LISTS = sorted((ROOT / "benchmarks/faults").glob("*.yaml"))
SAMPLE = ROOT / "benchmarks/faults/sample.yaml"
by_hand = pytest.mark.parametrize("path", [p for p in LISTS if p != SAMPLE], ids=lambda p: p.stem)


@by_hand
def test_each_fault_can_be_put_in_and_its_tests_are_there(path):
    faults = read_faults(path)
    assert [fault.misplaced() for fault in faults if fault.misplaced()] == []
    for fault in faults:
        assert fault.tests, fault.what
        assert fault.was != fault.now, fault.what
        for test in fault.tests:
            assert exists(test), (test, fault.what)


@by_hand
def test_each_fault_leaves_code_that_can_be_read(path):
    # what cannot be read fails in every test, and so says nothing of the one that is named
    assert {f.what: wrong for f in read_faults(path) if (wrong := unreadable(f))} == {}


def unreadable(fault):
    """What Python or Bash finds wrong with the form of a file with the fault in it."""
    if fault.file.endswith(".py"):
        try:
            ast.parse(fault.changed())
        except SyntaxError as error:
            return str(error)
    if fault.file.endswith(".sh"):
        done = subprocess.run(["bash", "-n"], input=fault.changed().encode(), capture_output=True)
        return done.stderr.decode()
    return ""


def exists(test):
    """Whether a word of `tests` names a test; what follows -k is an expression of pytest."""
    if not test.startswith("tests/"):
        return True
    file, _, name = test.partition("::")
    name = name.partition("[")[0]
    if not (ROOT / file).is_file():
        return False
    return not name or re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.M)


def test_a_fault_is_put_in_once_and_taken_out_again(tmp_path):
    (tmp_path / "code.py").write_text("a = 1\nb = 1\n")
    fault = Fault("code.py", "1", "2", ["tests/x.py"], at=1, extra={"at": 1})
    assert fault.apply(tmp_path) == "a = 1\nb = 1\n"
    assert (tmp_path / "code.py").read_text() == "a = 1\nb = 2\n"
    with pytest.raises(SystemExit, match="holds no '1'"):
        fault.apply(tmp_path)
    unclear = Fault("code.py", " = ", " == ", [])
    assert unclear.misplaced(tmp_path) == "code.py: holds ' = ' 2 times; say `at: N`"
    assert Fault("none.py", "x", "y", []).misplaced(tmp_path).startswith("none.py: ")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((0, "unnoticed"), (1, "noticed"), (2, "noticed"), (4, "noticed"), (-9, "noticed")),
        (None, mutants.ENDED),
    ],
)
def test_what_the_exit_status_of_pytest_says(status, outcome):
    fault = Fault("code.py", "1", "2", ["tests/x.py"])
    assert mutants.outcome_of(status, fault) == outcome


@pytest.mark.parametrize("status", [3, 5])
def test_tests_that_could_not_run_are_no_answer(status):
    with pytest.raises(SystemExit, match=rf"pytest ended with status {status} on tests/x.py"):
        mutants.outcome_of(status, Fault("code.py", "1", "2", ["tests/x.py"]))


@pytest.mark.parametrize(
    ("alone", "outcome"),
    [(29, mutants.TIMED_OUT), (30, mutants.TIMED_OUT), (31, mutants.UNDECIDED)],
)
def test_an_end_at_the_limit_counts_where_right_code_needs_a_third(tmp_path, alone, outcome):
    fault = Fault("code.py", "1", "2", ["tests/x.py"])
    right = mutants.RightCode(tmp_path)
    right.known["tests/x.py",] = alone
    assert right.decide(fault, mutants.ENDED, 90.5, 90.0) == (outcome, 90.5)
    assert right.decide(fault, mutants.UNNOTICED, 1.5, 90.0) == (mutants.UNNOTICED, 1.5)
    assert right.limit(["tests/x.py"], 90.0) == max(90.0, 3 * alone)
    assert right.limit(["tests/y.py"], 90.0) == 90.0


def test_tests_that_fail_without_a_fault_notice_nothing(tmp_path):
    (tmp_path / "test_bad.py").write_text("def test_it():\n    assert False\n", "utf-8")
    faults = [Fault("code.py", "1", "2", ["test_bad.py"])]
    with pytest.raises(SystemExit, match="tests that fail as it is"):
        mutants.require(mutants.RightCode(tmp_path), faults)
    (tmp_path / "test_bad.py").write_text("def test_it():\n    pass\n", "utf-8")
    right = mutants.RightCode(tmp_path)
    mutants.require(right, faults)
    assert right.known["test_bad.py",] > 0
