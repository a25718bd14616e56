"""What no file of the repository may hold."""

import ast
import importlib

import pytest
from made_up import ROOT
from tree import FILES, LIBRARY, PYTHON, calls, name, offenders, text


def test_there_are_no_links_and_no_copies():
    assert [name(path) for path in FILES if path.is_symlink()] == []
    bodies = {}
    for path in FILES:
        if path.stat().st_size > 200:
            bodies.setdefault(path.read_bytes(), []).append(name(path))
    assert [names for names in bodies.values() if len(names) > 1] == []


MACHINE = r"(?<![\w.*])/(home|root|work|Users|mnt|scratch|export|data\d?)/|\.\./shared|/tmp/\w"


def test_no_file_knows_a_machine():
    assert offenders(FILES, MACHINE, but=("tests/house/test_house_files.py",)) == []


DANGER = {
    *("eval", "exec", "os.system", "os.popen", "tempfile.mktemp", "torch.hub.load"),
    *("pickle.load", "pickle.loads", "yaml.load", "yaml.full_load", "yaml.unsafe_load"),
    *("kaldiio.load_mat", "kaldiio.load_scp", "kaldiio.load_ark"),  # they run `command |`
}


def test_nothing_runs_what_it_reads():
    for path in PYTHON:
        tests = name(path).startswith("tests/")
        for line, called, constants in calls(path):
            place = f"{name(path)}:{line}: {called}"
            assert tests or called not in DANGER, place
            assert constants.get("shell") is not True, place
            assert constants.get("allow_pickle") is not True, place
            if called == "torch.load":
                assert constants.get("weights_only") is True, place
    shell = [path for path in FILES if path.suffix == ".sh"]
    assert offenders(shell, r"^[^#]*(^|[;&|] *)eval ") == []


MARKS = (
    r"\b(TO"
    + r"DO|FIX"
    + r"ME|X"
    + r"XX|HA"
    + r"CK)\b|^(<<<<<<<|>>>>>>>) |pytest\.mark\.xf"
    + "ail"
)


def test_nothing_is_left_unfinished():
    assert offenders(FILES, MARKS) == []


def test_files_are_text_that_ends_in_one_line_feed():
    wrong = []
    for path in FILES:
        if path.suffix in {".py", ".sh", ".yaml", ".md", ".toml", ".txt"}:
            data = path.read_bytes()
            if b"\r" in data or not data.endswith(b"\n") or data.endswith(b"\n\n"):
                wrong.append(name(path))
    assert wrong == []


def test_every_module_says_what_it_is():
    silent = []
    for path in PYTHON:
        if text(path).strip() and not ast.get_docstring(ast.parse(text(path))):
            silent.append(name(path))
    assert silent == []


def test_what_a_package_offers_is_there():
    offering = [path for path in LIBRARY if "__all__ = " in text(path)]
    assert offering
    for path in offering:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        assert [name for name in module.__all__ if not hasattr(module, name)] == [], path


ONCE = {  # what stands in one file: a pattern of it, and that file
    r"arange\(.*[<>]=? *(lengths|frames|torch\.tensor)\b": "torch_utils/masks.py",
    r"\bjson\.dump\(": "",  # antispoof.data.json_files writes
    r"^CONVERSIONS = ": "__init__.py",
    r"\bmath\.cos\(math\.pi \* ": "torch_utils/schedules.py",
    r"utt in \w+ for utt in": "data/data_dir.py",
}


@pytest.mark.parametrize("pattern", ONCE)
def test_what_is_written_once_is_not_written_again(pattern):
    workers = [path for path in PYTHON if name(path).startswith(("steps/", "utils/", "egs/"))]
    assert offenders([*LIBRARY, *workers], pattern, but=(f"antispoof/{ONCE[pattern]}",)) == []
