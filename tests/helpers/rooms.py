"""The rooms of the library, their floors, and the imports between them.

A room is a folder of antispoof/, or a file that stands next to them. A room's floor is one above
the highest that it imports. As a program: rooms.py [ROOT] prints them.
"""

import ast
import sys
from pathlib import Path


def files_of(root):
    """{dotted name: path} of the library's modules below `root`."""
    found = {}
    for path in sorted(Path(root, "antispoof").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name, path, known):
    """Names of the library's modules that a module imports, at its top or in a function."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                if whole in known or base in known:
                    yield whole if whole in known else base


def room_of(name):
    """`antispoof.data.tables` -> `data`; the package itself is the ground, ''."""
    return name.split(".")[1] if "." in name else ""


def arrows(root):
    """{room: set of rooms that it imports}."""
    known, found = files_of(root), {}
    for name, path in known.items():
        own = found.setdefault(room_of(name), set())
        own |= {room_of(other) for other in imported(name, path, known)} - {room_of(name), ""}
    del found[""]
    return found


def floors(graph):
    """({room: floor}, [arrows that run back up]); a circle is cut where it closes."""
    found, up = {}, []

    def visit(room, above):
        if room not in found:
            levels = []
            for other in sorted(graph[room]):
                if other in (*above, room):
                    up.append((room, other))
                else:
                    levels.append(visit(other, (*above, room)))
            found[room] = 1 + max(levels, default=-1)
        return found[room]

    for room in sorted(graph):
        visit(room, ())
    return found, up


def main():
    graph = arrows(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    levels, up = floors(graph)
    for floor in sorted(set(levels.values()), reverse=True):
        print(f"{floor}  {' '.join(sorted(room for room in graph if levels[room] == floor))}")
    count = sum(map(len, graph.values()))
    print(f"{len(graph)} rooms, {len(set(levels.values()))} floors, {count} arrows, {len(up)} up")
    for room, other in up:
        print(f"up: {room} imports {other}")


if __name__ == "__main__":
    main()
