"""The rules of the house, as facts of the tree."""

import ast
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import ROOT
from tree import (
    LIBRARY,
    LOCAL,
    PYTHON,
    RECIPES,
    STEPS,
    UTILS,
    WORKERS,
    calls,
    imports,
    name,
    named,
    offenders,
    text,
)

from antispoof import LABELS


def test_the_tree_is_there():
    for paths in (PYTHON, LIBRARY, STEPS, UTILS, LOCAL, RECIPES):
        assert paths


def test_arrows_go_one_way():
    programs = {path.stem for path in WORKERS} | {"steps", "utils", "local", "egs", "tests"}
    wrong = []
    for path in [*LIBRARY, *WORKERS]:
        for module in imports(path):
            first = module.partition(".")[0]
            if first in programs:
                wrong.append(f"{name(path)} imports {module}")
    assert wrong == []


def test_no_worker_imports_another():
    for path in WORKERS:
        siblings = {other.stem for other in path.parent.glob("*.py")}
        assert not siblings & set(imports(path)), name(path)


SIZES = [(WORKERS, 150, {"utils/run.py": 250}), (PYTHON, 250, {})]


@pytest.mark.parametrize(("paths", "limit", "but"), SIZES)
def test_files_are_short(paths, limit, but):
    counts = {name(path): len(text(path).splitlines()) for path in paths}
    assert {n: c for n, c in counts.items() if c > but.get(n, limit)} == {}


def test_functions_are_short():
    long = {}
    for path in PYTHON:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.FunctionDef):
                count = node.end_lineno - node.lineno + 1
                if count > 45:
                    long[f"{name(path)}: {node.name}"] = count
    assert long == {}


COMMAND = "antispoof/detector/command.py"  # what `pip install` puts on the path


def test_the_library_has_no_command_line_and_says_nothing_but_for_its_command():
    for path in set(LIBRARY) - {ROOT / COMMAND}:
        assert not {"argparse", "optparse"} & set(imports(path)), name(path)
        assert "sys.argv" not in text(path), name(path)
        assert [c for c in calls(path) if c[1] in ("print", "input")] == [], name(path)


CORPORA = r"(?i)\b(asvspoof_?(5|ld|2019|2021)_|in.the.wild|wavefake|mlaad|librispeech|fakeorreal)"


def test_only_recipes_and_local_know_a_corpus():
    paths = [*LIBRARY, *STEPS, *UTILS, *named("run.sh", "utils/*.sh", "conf/**/*")]
    assert offenders(paths, CORPORA) == []


@pytest.mark.parametrize("path", UTILS, ids=name)
def test_utils_never_import_torch(path):
    check = "import runpy, sys; runpy.run_path(sys.argv[1]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", check, path]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"


def help_of(path):
    return subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True)


@pytest.mark.parametrize("path", WORKERS, ids=name)
def test_a_worker_answers_help_at_once_with_an_example(path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = help_of(path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout
    assert re.search(rf"example:.*\n(.*\n)*?.*{path.parent.name}/{path.name}", out), out
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 1, "seconds of the processor: import heavy modules late"


@pytest.mark.parametrize("path", WORKERS, ids=name)
def test_a_worker_is_a_program_that_ends_in_one_line(path):
    assert path.stat().st_mode & 0o111
    lines = text(path).splitlines()
    assert lines[0] == "#!/usr/bin/env python3"
    assert lines[-3] == 'if __name__ == "__main__":'
    assert re.fullmatch(rf'    with one_line_errors\("(.*/)?{path.name}"\):', lines[-2])
    assert lines[-1] == "        main()"


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_a_recipe_is_a_sentence(path):
    lines = text(path).splitlines()
    assert 10 <= len(lines) <= 60
    assert lines[-1].strip() == '"$@"'
    assert path.stat().st_mode & 0o111
    assert (path.parent / "README.md").exists()
    assert (path.parent / "RESULTS.md").exists()


def test_run_sh_has_few_options():
    lines = text(ROOT / "run.sh").partition("\n# options\n")[2].partition("\n. ")[0].splitlines()
    assert 0 < len(lines) <= 20
    for line in lines:
        assert re.fullmatch(r"[a-z_]+=\S* +# \S.*", line), line


def test_the_direction_of_scores_is_said_where_they_are_made_and_read():
    assert LABELS == ("spoof", "bonafide")
    places = ["antispoof/__init__.py", "steps/score.py", "steps/evaluate.py", "README.md"]
    for place in places:
        words = " ".join(text(ROOT / place).split())
        assert re.search(r"[Hh]igher.{,20} bona fide", words), place


def test_the_map_of_the_house_names_what_is_there():
    readme = text(ROOT / "README.md")
    for part in ("run.sh", "egs/", "steps/", "utils/", "conf/", "tools/", "antispoof/", "tests/"):
        assert f"`{part}" in readme, part
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert Path(ROOT, link).exists(), link
