"""Tests that several processes run: which go together, and what is said where a process ends."""

import re
import subprocess
import sys

import pytest
from made_up import ROOT
from side_by_side import group_of, turn

TESTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/*/test_*.py"))
CONFTEST = """
from side_by_side import SideBySide

def pytest_xdist_make_scheduler(config, log):
    return SideBySide(config, log)
"""
DIES = """
import os

def test_before():
    pass

def test_dies():
    os._exit(0)

def test_after():
    assert False, "it ran"
"""
BY_PROCESS = """
import os

import pytest

@pytest.mark.parametrize("number", range(20))
def test_it(number, undisturbed):
    with open("seen", "a") as stream:
        stream.write(f"{__name__} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""
FIXTURE = """
import pytest

@pytest.fixture(scope="session")
def undisturbed():
    with open("made", "a") as stream:
        stream.write("once\\n")
"""


def group(path):
    return group_of(path, ROOT)


def run(folder, *options):
    """pytest in a folder with two processes and the order of this repository."""
    call = [sys.executable, "-m", "pytest", "-ra", "-n", "2", "-p", "no:cacheprovider", *options]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.fixture
def place(tmp_path):
    helpers = ROOT / "tests/helpers"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {helpers}\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def test_what_is_there_once_is_used_by_one_process():
    asks = r"^from (slurm|sge)_cluster|^def test_\w+\([^)]*\b(slurm|sge|cluster)\b"
    of_cluster = [path for path in TESTS if re.search(asks, (ROOT / path).read_text(), re.M)]
    assert len(of_cluster) >= 4
    assert {group(path) for path in of_cluster} == {"the schedulers"}
    assert {group(path) for path in TESTS if path.endswith("_on_a_gpu.py")} == {"the GPUs"}
    for name in ("test_recipe", "test_recipe_signals", "test_laws_figures"):
        assert group(f"tests/recipes/{name}.py") == "the recipe"


def test_a_file_with_a_fixture_of_its_own_is_a_group():
    for path in ("tests/training/test_phases.py", "tests/recipes/test_laws_calls.py"):
        assert group(path) == path


def test_what_takes_minutes_is_begun_first():
    names = ["tests/config/test_base.py", "tests/recipes/test_chaos.py", "the recipe"]
    assert sorted(names, key=turn) == names[::-1]


def test_a_shared_fixture_is_made_once(place):
    (place / "conftest.py").write_text(CONFTEST + FIXTURE)
    for name in ("test_a.py", "test_b.py", "test_c.py"):
        (place / name).write_text(BY_PROCESS)
    other = BY_PROCESS.replace(", undisturbed", "")
    for name in ("test_d.py", "test_e.py"):
        (place / name).write_text(other)
    assert run(place)[0] == 0
    assert (place / "made").read_text() == "once\n"
    seen = {}
    for line in (place / "seen").read_text().splitlines():
        name, process = line.split()
        seen.setdefault(name, set()).add(process)
    assert all(len(found) == 1 for found in seen.values())
    assert len(set.union(*seen.values())) == 2


def test_a_process_that_dies_fails_the_run_once_and_the_rest_is_run(place):
    (place / "test_dies.py").write_text(DIES)
    (place / "test_other.py").write_text("def test_it():\n    pass\n")
    status, out = run(place)
    assert status == 1
    assert out.count("FAILED test_dies.py::test_dies - ") == 1
    assert "crashed while running 'test_dies.py::test_dies'" in out
    assert "FAILED test_dies.py::test_after - AssertionError: it ran" in out
    assert "2 failed, 2 passed" in out
