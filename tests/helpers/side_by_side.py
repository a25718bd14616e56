"""Which files of tests one process runs, where several run the tests (pytest -n).

A process gets whole files, since what the tests of a file share is made once for them. Files that
share more than that make a group: the recipe that ran once, the page with its pictures, and the
schedulers and GPUs of this machine, which no two tests use at the same time.
"""

import ast
import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

SHARED = {  # fixtures of a whole run; the first that a file asks for says its group
    **dict.fromkeys(("slurm", "sge", "cluster", "daemons"), "the schedulers"),
    "undisturbed": "the recipe",
}
NAMES = {r"_on_a_gpu\.py$": "the GPUs", r"^tests/report/test_(page|pictures)_": "the page"}
FIRST = ("the schedulers", "the recipe", "tests/recipes/", "tests/mini/", "tests/training/")


class SideBySide(LoadScopeScheduling):
    """Gives whole groups to processes, those that take minutes first."""

    def _split_scope(self, nodeid):
        return group_of(nodeid.partition("::")[0], self.config.rootpath)

    def _assign_work_unit(self, node):
        self.workqueue.move_to_end(min(self.workqueue, key=turn), last=False)
        super()._assign_work_unit(node)

    def remove_node(self, node):
        """The test that ended a process of tests; it has failed, and is not tried again."""
        for tests in self.assigned_work[node].values():
            for nodeid, is_done in tests.items():
                if not is_done:
                    tests[nodeid] = True
                    super().remove_node(node)
                    return nodeid
        return super().remove_node(node)


def turn(group):
    """The place of a group in the order of FIRST; behind it, those with most tests come first."""
    return next((n for n, start in enumerate(FIRST) if group.startswith(start)), len(FIRST))


@functools.cache
def group_of(path, root):
    """The name of the group that a file below `root` belongs to; where it has none, its path."""
    for pattern, group in NAMES.items():
        if re.search(pattern, path):
            return group
    asked = fixtures(Path(root, path))
    return next((group for name, group in SHARED.items() if name in asked), path)


def fixtures(path):
    """The fixtures that the tests of a file ask for and that another file makes."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    functions = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
    own = {part.name for part in functions}
    asked = {each.arg for part in functions for each in part.args.args} - own
    if "getfixturevalue" in text:  # by a name that stands somewhere in the file
        asked |= {part.value for part in ast.walk(tree) if isinstance(part, ast.Constant)}
    return asked
