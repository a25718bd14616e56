"""Lines of its own that each recipe's local/prepare_data.py has: python tests/helpers/own_lines.py.

What is the same in all of them is not counted: imports, and the frame of options and call. Nor are
docstrings, comments and blank lines.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAME = (
    "parser = argparse.ArgumentParser(description=__doc__, ",
    "args = add_corpus_options(parser).parse_args()",
    "prepare(",
)


def own_lines(path):
    """How many there are in a worker."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    own = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            parts = [part for part in node.body if not ast.unparse(part).startswith(FRAME)]
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.If) or is_text(node):
            parts = []
        else:
            parts = [node]
        for part in parts:
            own |= {n for n in range(part.lineno, part.end_lineno + 1) if lines[n - 1].strip()}
            inside = [n for n in ast.walk(part) if is_text(n)]
            own -= {n for t in inside for n in range(t.lineno, t.end_lineno + 1)}
    return len({n for n in own if not lines[n - 1].strip().startswith("#")})


def is_text(node):
    """Whether a statement is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def counts():
    """{recipe: lines of its own} of every corpus that is not made here."""
    paths = sorted(ROOT.glob("egs/*/local/prepare_data.py"))
    return {p.parts[-3]: own_lines(p) for p in paths if p.parts[-3] != "mini"}


if __name__ == "__main__":
    for recipe, count in counts().items():
        print(f"{recipe:20s}{count:4d}")
