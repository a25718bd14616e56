"""Put one fault at a time into a copy of the repository, and see whether a test notices it."""

import contextlib
import gc
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fault_lists import ROOT, Fault

# Imported before the first fork: what tests need and what holds no code of this repository. A test
# run then begins at once instead of after five seconds of imports.
PRELOADED = (
    *("numpy", "scipy.optimize", "scipy.stats", "scipy.signal", "yaml", "soundfile", "kaldiio"),
    *(
        "torch",
        "torch._dynamo",
        "torchaudio",
        "sklearn.metrics",
        "matplotlib.pyplot",
        "hypothesis",
        "pytest",
    ),
)
# pytest's exit codes; where a file cannot be imported, it was interrupted, or finds no test in it
PASSED, FAILED, INTERRUPTED, NOT_FOUND = 0, 1, 2, 4
NOTICED, UNNOTICED = "noticed", "unnoticed"
# Ended at the limit: noticed where the same tests pass in a third of it without the fault.
ENDED, TIMED_OUT, UNDECIDED = "ended", "noticed by the time limit", "undecided"
LONGER = 3


@contextlib.contextmanager
def trees(count):
    """`count` copies of the working tree, without what git ignores, but with the environment."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    with tempfile.TemporaryDirectory(prefix="antispoof-mutants-") as folder:
        copies = []
        for number in range(count):
            copy = Path(folder, f"tree{number}")
            for name in filter(None, names.split("\0")):
                if Path(ROOT, name).exists():
                    Path(copy, name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(Path(ROOT, name), Path(copy, name))
            subprocess.run(["git", "init", "-q", copy], check=True)  # some tests ask git for files
            for name in ("venv", ".done"):
                Path(copy, "tools", name).symlink_to(Path(ROOT, "tools", name).resolve())
            copies.append(copy)
        yield copies


def preload():
    """Import what every test needs; threads of numeric libraries do not survive a fork."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # what is there stays: no collection in a fork looks at it, and so copies it


def start_tests(tree, tests, log=None):
    """Run pytest on `tests` in `tree`, in a fork of this process; returns its number."""
    child = os.fork()
    if child == 0:
        _become_pytest(tree, tests, log)
    return child


def require(right, faults):
    """Stop where tests of a fault do not pass in the right code, or named ones are not found."""
    lists = dict.fromkeys(tuple(f.tests) for f in faults if not any("::" in t for t in f.tests))
    for tests in lists:  # whole files: every fault would count as noticed
        right.seconds(tests)
    tree = right.tree
    tests = sorted({test for fault in faults for test in fault.tests if "::" in test})
    if not tests:
        return
    child = start_tests(tree, ["--collect-only", *tests], Path(tree, "collected"))
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != PASSED:
        said = Path(tree, "collected").read_text("utf-8", errors="replace")
        raise SystemExit("\n".join(re.findall("^ERROR.*", said, re.M)) or said[-2000:])


def _become_pytest(tree, tests, log):
    """In the child: stand in `tree` and end with pytest's exit code."""
    status = 99
    try:
        os.setsid()
        os.chdir(tree)
        with open(log or os.devnull, "w") as stream:
            for number in (1, 2):
                os.dup2(stream.fileno(), number)
        own = {
            str(ROOT),
            str(ROOT / "tests"),
            str(ROOT / "tests/helpers"),
            str(ROOT / "benchmarks"),
        }
        sys.path[:] = [str(tree), *(p for p in sys.path if p not in own)]
        sys.dont_write_bytecode = True  # a fault may keep a file's size and time
        os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(tree))
        import pytest

        options = [
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--no-header",
            "--tb=short",
            "-p",
            "no:doctest",
        ]
        status = int(pytest.main([*options, *tests]))
    finally:
        os._exit(status)


class RightCode:
    """How long tests take in `tree` while no fault is in it; they have to pass."""

    def __init__(self, tree):
        self.tree, self.known = tree, {}

    def seconds(self, tests):
        """Seconds that `tests` take; measured once for each list of tests."""
        key = tuple(tests)
        if key not in self.known:
            log, began = Path(self.tree, "right.log"), time.monotonic()
            status = os.waitpid(start_tests(self.tree, tests, log), 0)[1]
            if os.waitstatus_to_exitcode(status) != PASSED:
                said = log.read_text("utf-8", errors="replace")
                raise SystemExit(f"{said[-2000:]}\nnothing is noticed by tests that fail as it is")
            self.known[key] = time.monotonic() - began
        return self.known[key]

    def limit(self, tests, least):
        """Seconds after which `tests` are ended: `least`, or more where they are slower."""
        return max(least, LONGER * self.known.get(tuple(tests), 0.0))

    def decide(self, fault, outcome, seconds, limit):
        """(outcome, seconds), where ENDED at `limit` has become TIMED_OUT or UNDECIDED."""
        if outcome == ENDED:
            soon = LONGER * self.seconds(fault.tests) <= limit
            outcome = TIMED_OUT if soon else UNDECIDED
        return outcome, seconds


def outcome_of(status, fault):
    """What the exit status of pytest says of a fault; None: it was ended at the time limit."""
    if status is None:
        return ENDED
    if status == PASSED:
        return UNNOTICED
    if status in (FAILED, INTERRUPTED, NOT_FOUND) or status < 0:
        return NOTICED
    raise SystemExit(f"pytest ended with status {status} on {' '.join(fault.tests)}")


@dataclass
class Trial:
    """One fault in one copy of the tree, while its tests run."""

    fault: Fault
    tree: Path
    log: Path

    def __post_init__(self):
        self.text = self.fault.apply(self.tree)
        self.started = time.monotonic()
        self.child = start_tests(self.tree, self.fault.tests, self.log)

    def end(self, limit):
        """(outcome, seconds) where it has ended, or was ended at `limit`; else None."""
        done, status = os.waitpid(self.child, os.WNOHANG)
        seconds = time.monotonic() - self.started
        if not done and seconds <= limit:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child, signal.SIGKILL)  # and what the tests left running
        if not done:
            os.waitpid(self.child, 0)
        Path(self.tree, self.fault.file).write_text(self.text, "utf-8")
        return outcome_of(os.waitstatus_to_exitcode(status) if done else None, self.fault), seconds


def try_all(faults, jobs, limit, show, log_dir=None):
    """[(fault, outcome, seconds)], `jobs` at a time; `show` is called with each as it ends."""
    preload()
    waiting, running, ended = list(enumerate(faults)), [], {}
    with trees(jobs + 1) as free:
        right = RightCode(free.pop())
        require(right, faults)
        try:
            while waiting or running:
                while waiting and free:
                    number, fault = waiting.pop(0)
                    log = Path(log_dir, f"{number:04d}.log") if log_dir else None
                    running.append((number, Trial(fault, free.pop(), log)))
                time.sleep(0.02)
                for number, trial in list(running):
                    if found := trial.end(right.limit(trial.fault.tests, limit)):
                        running.remove((number, trial))
                        free.append(trial.tree)
                        ended[number] = (trial.fault, *right.decide(trial.fault, *found, limit))
                        show(*ended[number])
        finally:
            for _, trial in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(trial.child, signal.SIGKILL)
    return [ended[number] for number in sorted(ended)]
