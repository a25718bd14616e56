"""The files of the repository, for tests of its form."""

import ast
import re
import subprocess

from made_up import ROOT


def tracked():
    """Files of the repository: committed, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted({ROOT / name for name in names.split("\0") if name and (ROOT / name).exists()})


def named(*patterns):
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(paths & set(FILES))


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
LIBRARY = named("antispoof/**/*.py")
STEPS, UTILS = named("steps/*.py"), named("utils/*.py")
LOCAL = named("local/*.py", "egs/*/local/*.py")
WORKERS = [*STEPS, *UTILS, *LOCAL]
RECIPES = named("egs/*/run.sh")


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    return path.read_text("utf-8", errors="replace")


def imports(path):
    """Every module that a file imports; one of its own package begins with a dot."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def offenders(paths, pattern, but=()):
    """`file:line` of each line that holds `pattern`, except in the files `but`."""
    found = []
    for path in paths:
        if name(path) not in but:
            for number, line in enumerate(text(path).splitlines(), 1):
                if re.search(pattern, line):
                    found.append(f"{name(path)}:{number}: {line.strip()[:90]}")
    return found


def calls(path):
    """(line, dotted name, {keyword: constant}) of every call in a file."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Call):
            constants = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            yield node.lineno, ast.unparse(node.func), constants
