"""The order of the library's rooms: a room imports from the floors below its own alone."""

import pytest
from made_up import ROOT
from rooms import arrows, files_of, floors, imported, room_of

FLOORS = [
    {"errors"},
    {"about", "files", "metrics", "paths", "progress"},
    {"data", "options", "torch_utils"},
    {"config", "corpora"},
    {"audit", "augment", "evaluation", "launcher", "layers", "ssl"},
    {"claims", "features", "pretraining", "report"},
    {"models"},
    {"losses"},
    {"scoring"},
    {"systems"},
    {"explain"},
    {"detector"},
    {"demo", "diagnostics", "export", "training"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def test_every_room_has_a_floor():
    assert set(arrows(ROOT)) == set(LEVEL)


def test_no_import_stays_on_its_floor_or_runs_back_up():
    wrong = []
    known = files_of(ROOT)
    for name, path in known.items():
        for other in imported(name, path, known):
            here, there = room_of(name), room_of(other)
            if here and there and here != there and LEVEL[there] >= LEVEL[here]:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_tests_stand_in_rooms_of_the_same_names():
    others = {"helpers", "house", "mini", "recipes", "weights"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    packages = {room for room in LEVEL if (ROOT / "antispoof" / room).is_dir()}
    assert folders - {"__pycache__"} == packages | others


TREE = {
    "__init__.py": "X = 1\n",
    "low.py": "",
    "mid/__init__.py": "",
    "mid/one.py": "from .. import X\nfrom ..low import y\nfrom . import two\n",
    "mid/two.py": "def late():\n    from antispoof.high import three\n",
    "high/__init__.py": "",
    "high/three.py": "import antispoof.low\nfrom ..mid import one as another\n",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / "antispoof" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_arrows_are_imports_of_any_form_and_circles_run_up(tree):
    graph = arrows(tree)
    assert graph == {"low": set(), "mid": {"low", "high"}, "high": {"low", "mid"}}
    assert floors(graph) == ({"low": 0, "mid": 1, "high": 2}, [("mid", "high")])
    (tree / "antispoof/mid/two.py").write_text("from ..low import three\n")
    graph = arrows(tree)
    assert floors(graph) == ({"low": 0, "mid": 1, "high": 2}, [])
    assert sum(map(len, graph.values())) == 3
