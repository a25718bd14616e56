"""Mechanical faults of a file: what mutmut's operators make of it, as changes of text.

mutmut's own runner swaps functions inside one process, which leaves out decorated functions, code
of modules and classes, and every worker that a test starts; so its operators are used alone.

Not changed: type annotations, decorators, docstrings, the case of strings, and what only people
read: what is raised, and the texts of --help. A change that Python reads alike is no fault.
"""

import ast
import difflib
import hashlib
from pathlib import Path

from fault_lists import ROOT, Fault

HELP = {"help", "description", "epilog", "metavar"}


def choose(files, count, seed=0):
    """`count` faults of several files together, paths from the root: a fixed choice.

    It goes by a hash of each fault's own text, so that a change elsewhere leaves it as it is.
    """
    import libcst as cst
    from libcst.metadata import MetadataWrapper

    found = []
    for file in files:
        code = Path(ROOT, file).read_text("utf-8")
        wrapper = MetadataWrapper(cst.parse_module(code))
        visitor = _visitor()
        wrapper.visit(visitor)
        for old, new in visitor.found:
            texts = [wrapper.module.code_for_node(node) for node in (old, new)]
            key = f"{seed} {file} {visitor.places[id(old)]} {texts}"
            digest = hashlib.sha256(key.encode()).hexdigest()
            found.append((digest, file, code, wrapper.module, old, new))
    found.sort(key=lambda item: item[0])
    faults = []
    for _, file, code, module, old, new in found:
        if len(faults) == count:
            break
        fault = _fault(file, code, module.deep_replace(old, new).code)
        faults += [fault] if fault else []
    return faults


def _visitor():
    """Collects (node, changed node) pairs; `places` says in which function a node stands."""
    import libcst as cst
    import libcst.matchers as m
    from mutmut.mutation.mutators import mutation_operators

    class Visitor(cst.CSTVisitor):
        def __init__(self):
            super().__init__()
            self.found, self.places, self.scope = [], {}, []

        def on_visit(self, node):
            skipped = cst.Annotation, cst.Raise, cst.Decorator, cst.Import, cst.ImportFrom
            if isinstance(node, skipped):
                return False
            if isinstance(node, cst.Arg) and node.keyword and node.keyword.value in HELP:
                return False
            if m.matches(node, m.Expr(value=m.SimpleString() | m.ConcatenatedString())):
                return False
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                self.scope.append(node.name.value)
            self.places[id(node)] = ".".join(self.scope)
            for kind, operator in mutation_operators:
                if isinstance(node, kind):
                    made = operator(node)
                    self.found += [(node, new) for new in made if _counts(node, new)]
            return True

        def on_leave(self, node):
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                self.scope.pop()

    return Visitor()


def _counts(node, new):
    """Whether a change is more than one of case, or of a text of --help."""
    old, now = getattr(node, "value", node), getattr(new, "value", new)
    if isinstance(old, str) and isinstance(now, str):
        return old.lower() != now.lower()
    return not _of_help(node, new)


def _of_help(node, new):
    kept = set(map(id, getattr(new, "args", ())))
    changed = [arg for arg in getattr(node, "args", ()) if id(arg) not in kept]
    words = [arg.keyword.value for arg in changed if arg.keyword]
    return bool(changed) and len(words) == len(changed) and set(words) <= HELP


def _fault(file, old, new):
    """The change of lines between two texts; None where Python reads both alike, or not at all."""
    try:
        if ast.dump(ast.parse(old)) == ast.dump(ast.parse(new)):
            return None
    except SyntaxError:
        return None
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    steps = difflib.SequenceMatcher(None, before, after, False).get_opcodes()
    changed = [step for step in steps if step[0] != "equal"]
    first, last = changed[0], changed[-1]
    was, now = "".join(before[first[1] : last[2]]), "".join(after[first[3] : last[4]])
    at = "".join(before[: first[1]]).count(was)
    what = f"{_middle(was, now)}   (line {first[1] + 1})"
    return Fault(file, was, now, [], what, at, {"at": at})


def _middle(was, now):
    """Two texts without what they share at both ends, in one line."""
    was, now = " ".join(was.split()), " ".join(now.split())
    start = 0
    while start < min(len(was), len(now)) and was[start] == now[start]:
        start += 1
    start = max(0, start - 20)
    end = 0
    while end < min(len(was), len(now)) - start and was[-1 - end] == now[-1 - end]:
        end += 1
    end = max(0, end - 15)
    return f"{was[start : len(was) - end]} -> {now[start : len(now) - end]}"
