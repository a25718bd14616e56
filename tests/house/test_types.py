"""Public functions of the library say what they take and give."""

import ast
import functools

import pytest
from made_up import ROOT
from rooms import files_of, room_of

TYPED = (
    *(
        "about",
        "audit",
        "augment",
        "claims",
        "config",
        "corpora",
        "data",
        "demo",
        "detector",
        "diagnostics",
    ),
    *("errors", "evaluation", "explain", "export"),
    *("features", "files", "launcher", "layers", "losses", "metrics", "models", "options", "paths"),
    *("pretraining", "progress", "report", "scoring", "ssl", "systems", "torch_utils", "training"),
)


def public_functions(tree, inside=""):
    """(name, node) of functions and methods whose names, and whose classes', have no underscore.

    Functions within functions are none of them.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
            yield from public_functions(node, inside)
        elif getattr(node, "name", "_").startswith("_"):
            continue
        elif isinstance(node, ast.ClassDef):
            yield from public_functions(node, f"{inside}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield inside + node.name, node


def lacking(node):
    """Which parameters of a function, but self and cls, have no type, and whether its return."""
    given = node.args
    first, *rest = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    wanted = rest if first and first.arg in ("self", "cls") else [first, *rest]
    names = [one.arg for one in wanted if one and one.annotation is None]
    return names if node.returns else [*names, "return"]


def untyped(text):
    """`name: what lacks a type` of each public function of a module's text."""
    functions = public_functions(ast.parse(text))
    return [f"{name}: {', '.join(found)}" for name, node in functions if (found := lacking(node))]


@functools.cache
def untyped_by_room():
    found = {}
    for name, path in files_of(ROOT).items():
        own = found.setdefault(room_of(name), [])
        own += [f"{name}.{line}" for line in untyped(path.read_text("utf-8"))]
    return found


def test_each_room_is_named_as_typed():
    assert set(untyped_by_room()) - {""} == set(TYPED)


@pytest.mark.parametrize("room", TYPED)
def test_every_public_function_of_a_typed_room_has_all_its_types(room):
    assert untyped_by_room()[room] == []


@pytest.mark.parametrize(("text", "wanted"), [
    ("def f(a: int, *, b: str = '') -> None: ...", []),
    ("def f() -> None: ...", []),
    ("def f(): ...", ["f: return"]),
    ("def f(a, /, b, *c, d=1, **e) -> None: ...", ["f: a, b, d, c, e"]),
    ("async def f(a: int): ...", ["f: return"]),
    ("def f() -> None:\n    def g(a): ...\n    class C:\n        def h(self, a): ...", []),
    ("def _f(a): ...", []),
    ("class C:\n    def f(self, a): ...", ["C.f: a, return"]),
    ("class C:\n    @classmethod\n    def f(cls) -> int: ...", []),
    ("class C:\n    @staticmethod\n    def forward(ctx, x: int) -> int: ...", ["C.forward: ctx"]),
    ("class C:\n    class D:\n        def f(self): ...", ["C.D.f: return"]),
    ("class C:\n    def __init__(self, a): ...\n    def _f(self, a): ...", []),
    ("class _C:\n    def f(self, a): ...", []),
    ("try:\n    def f(a) -> None: ...\nexcept OSError:\n    def g(): ...", ["f: a", "g: return"]),
    ("if True:\n    def f(): ...\nelse:\n    def g(): ...", ["f: return", "g: return"]),
])  # fmt: skip
def test_what_lacks_a_type_is_found_wherever_a_public_function_stands(text, wanted):
    assert untyped(text) == wanted
