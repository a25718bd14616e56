"""A fault: a change of one file, and the tests that are to notice it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Fault:
    """One change. A list of them is YAML: file, was, now, tests, what, at."""

    file: str  # from the root
    was: str  # text that stands in the file `count` times
    now: str
    tests: list
    what: str = ""
    at: int = 0  # which of several places that hold `was`
    extra: dict = field(default_factory=dict)  # what else a list says

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
        path.write_text(self.changed(tree), "utf-8")
        return text

    def changed(self, tree=ROOT):
        """The text of its file with the fault in it."""
        text = Path(tree, self.file).read_text("utf-8")
        start = self.places(tree)[self.at]
        return text[:start] + self.now + text[start + len(self.was) :]


def read_faults(path):
    """The faults that a YAML list names."""
    faults = []
    for entry in yaml.safe_load(Path(path).read_text("utf-8")) or []:
        known = {key: entry.pop(key) for key in ("file", "was", "now", "what") if key in entry}
        tests = str(entry.pop("tests", "")).split()
        faults.append(Fault(**known, tests=tests, at=entry.get("at", 0), extra=entry))
    return faults
