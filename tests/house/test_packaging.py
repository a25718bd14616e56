"""The library installs by itself, with its data; and the short names and hooks do what they say."""

import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from made_up import ROOT, make_experiments, worker
from packaging.requirements import Requirement
from tree import FILES, LIBRARY, imports, name, text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
DISTRIBUTIONS = {"yaml": "pyyaml", "sklearn": "scikit-learn"}
PAGE = """
import antispoof, importlib.metadata, pathlib
from antispoof.report.collect import read_runs
from antispoof.report.page import page
empty = dict.fromkeys(("det", "histogram", "reliability", "interval", "training", "order"), [])
tables = dict.fromkeys(("calibration", "comparisons", "costs", "counts", "order"), "")
runs = read_runs(["exp/one_seed1"], "eval")
assert "--paper:" in page(runs, "eval", pathlib.Path("data"), empty, tables)  # of page.css
assert importlib.metadata.version("antispoof") == antispoof.__version__
print(antispoof.__file__)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip wheel` builds of the files of the tree."""
    folder = tmp_path_factory.mktemp("source")
    for path in FILES:
        if not name(path).startswith(("tests/", "conf/upstream/")):
            (folder / name(path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / name(path))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*build, "--wheel-dir", folder / "dist", folder)
    (found,) = (folder / "dist").glob("antispoof-*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_library_and_nothing_else(wheel):
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert held == {name(path) for path in FILES if name(path).startswith("antispoof/")}


def test_an_installed_library_imports_elsewhere_and_reads_its_data(wheel, tmp_path):
    target, elsewhere = tmp_path / "target", make_experiments(tmp_path / "elsewhere", ("one",))
    scored = "exp/one_seed1/eval"
    evaluate = ("--bootstrap", 10, "data/eval", f"{scored}/scores", f"{scored}/result.json")
    assert worker("steps/evaluate.py", *evaluate, cwd=elsewhere)[0] == 0
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    run(*install, "--target", target, wheel)
    environment = {"PYTHONPATH": str(target), "PATH": ""}
    out = run(sys.executable, "-c", PAGE, cwd=elsewhere, env=environment)
    assert out.strip() == str(target / "antispoof/__init__.py")


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in LIBRARY}
    assert [name(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_what_the_library_imports_is_among_its_dependencies():
    extra = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    declared = {Requirement(line).name for line in PROJECT["dependencies"] + extra}
    used = {module.partition(".")[0] for path in LIBRARY for module in imports(path)}
    used -= {"", "antispoof", *sys.stdlib_module_names}
    assert "torch" in used
    assert {DISTRIBUTIONS.get(module, module) for module in used} <= declared


def test_the_pinned_versions_are_within_the_ranges():
    pins = re.findall(r"([\w-]+)==([\d.]+)", text(ROOT / "tools/requirements.txt"))
    pins += re.findall(r"([\w-]+)==([\d.]+)", text(ROOT / "tools/setup.sh"))
    extra = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    for line in PROJECT["dependencies"] + extra:
        wanted = Requirement(line)
        found = [version for pin, version in pins if pin == wanted.name]
        brought = ("huggingface_hub", "safetensors")  # these come with transformers
        assert wanted.name in brought or found, line
        assert all(wanted.specifier.contains(version) for version in found), line


def test_the_changelog_begins_with_this_version():
    import antispoof

    versions = re.findall(
        r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", text(ROOT / "CHANGELOG.md"), re.M
    )
    assert versions[0] == antispoof.__version__


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_every_short_name_runs_a_program_that_is_there():
    for target in ("setup", "lint", "test", "docs"):
        lines = run("make", "--dry-run", "--no-print-directory", target, cwd=ROOT).splitlines()
        assert lines and all((ROOT / line.split()[0]).is_file() for line in lines), target


def test_every_hook_passes_on_files_of_the_tree():
    config = yaml.safe_load(text(ROOT / ".pre-commit-config.yaml"))
    (hooks,) = (repo["hooks"] for repo in config["repos"] if repo["repo"] == "local")
    assert [hook["id"] for hook in hooks] == ["ruff", "ruff-format", "shellcheck", "shfmt"]
    for hook in hooks:
        file = "path.sh" if "files" in hook else "docs/site.py"
        assert "files" not in hook or re.search(hook["files"], file)
        run(*hook["entry"].split(), file, cwd=ROOT)


def test_lint_ends_with_status_1_where_the_type_checker_finds_something(tmp_path):
    for file in ("path.sh", "tests/lint.sh", "pyproject.toml", ".shellcheckrc"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/venv").symlink_to(ROOT / "tools/venv")
    (tmp_path / "antispoof").mkdir()
    module = tmp_path / "antispoof/__init__.py"
    module.write_text('"""A module."""\n')
    (tmp_path / ".gitignore").write_text("/tools/\n")
    run("git", "init", "--quiet", tmp_path)
    run(tmp_path / "tests/lint.sh")
    module.write_text('"""A module."""\n\n\ndef count() -> int:\n    return "one"\n')
    done = subprocess.run([tmp_path / "tests/lint.sh"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "antispoof/__init__.py:5: error: Incompatible return value" in done.stdout


def test_the_tests_lint_once():
    assert text(ROOT / "tests/run.sh").count("lint.sh") == 1
    for word in ("ruff", "shellcheck", "shfmt", "mypy"):
        assert word not in text(ROOT / "tests/run.sh")
        assert word in text(ROOT / "tests/lint.sh")
