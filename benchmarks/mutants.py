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
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
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
NOTICED, UNNOTICED, TIMED_OUT = "noticed", "unnoticed", "noticed by the time limit"


@dataclass
class Fault:
    """A change of one file, and the tests that are to notice it."""

    file: str  # from the root
    was: str  # text that stands in the file `count` times
    now: str
    tests: list
    what: str = ""
    at: int = 0  # which of several places that hold `was`
    extra: dict = field(default_factory=dict)  # what a list says beside

    def places(self, tree=ROOT):
        """Where its text stands in the file; nowhere where there is no such file."""
        path = Path(tree, self.file)
        text = path.read_text("utf-8") if path.exists() else ""
        return [found.start() for found in re.finditer(re.escape(self.was), text)]

    def misplaced(self, tree=ROOT):
        """What keeps it from being tried, in words; empty where nothing does."""
        count = len(self.places(tree))
        if count <= self.at:
            return f"{self.file}: holds no {self.was!r} (fault: {self.what})"
        if "at" not in self.extra and count > 1:
            return f"{self.file}: holds {self.was!r} {count} times; say `at: N`"
        return ""

    def apply(self, tree):
        """Put it into the file below `tree`; returns the text that was there."""
        if self.misplaced(tree):
            raise SystemExit(self.misplaced(tree))
        path = Path(tree, self.file)
        text = path.read_text("utf-8")
        start = self.places(tree)[self.at]
        path.write_text(text[:start] + self.now + text[start + len(self.was) :], "utf-8")
        return text


def read_faults(path):
    """The faults that a YAML list names."""
    faults = []
    for entry in yaml.safe_load(Path(path).read_text("utf-8")) or []:
        known = {key: entry.pop(key) for key in ("file", "was", "now", "what") if key in entry}
        tests = str(entry.pop("tests", "")).split()
        faults.append(Fault(**known, tests=tests, at=entry.get("at", 0), extra=entry))
    return faults


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


def require(tree, faults):
    """Stop where pytest does not find the tests of all faults while the code is right."""
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
        own = {str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")}
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


def outcome_of(status, fault):
    """What the exit status of pytest says of a fault; None: it was ended at the time limit."""
    if status is None:
        return TIMED_OUT
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
    with trees(jobs) as free:
        require(free[0], faults)
        try:
            while waiting or running:
                while waiting and free:
                    number, fault = waiting.pop(0)
                    log = Path(log_dir, f"{number:04d}.log") if log_dir else None
                    running.append((number, Trial(fault, free.pop(), log)))
                time.sleep(0.02)
                for number, trial in list(running):
                    if found := trial.end(limit):
                        running.remove((number, trial))
                        free.append(trial.tree)
                        ended[number] = (trial.fault, *found)
                        show(*ended[number])
        finally:
            for _, trial in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(trial.child, signal.SIGKILL)
    return [ended[number] for number in sorted(ended)]
