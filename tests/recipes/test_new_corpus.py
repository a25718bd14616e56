"""utils/new_corpus.py and run.sh --list: what they write, print and refuse."""

import subprocess

import pytest
import yaml
from made_up import ROOT, refused, worker
from tree import RECIPES

NEW, LIST = "utils/new_corpus.py", "utils/list_recipes.py"


def test_it_writes_what_the_rules_of_the_house_ask_of_a_recipe(tmp_path):
    status, _, error = worker(NEW, "mine", "--into", tmp_path, cwd=tmp_path)
    assert status == 0, error
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        *(f"egs/mine/{name}" for name in ("run.sh", "README.md", "RESULTS.md", "corpus.yaml")),
        "egs/mine/local/prepare_data.py",
        "tests/helpers/miniatures/mine.py",
    }
    assert not [name for name in files if "NAME" in (tmp_path / name).read_text()]
    for name in ("run.sh", "local/prepare_data.py"):
        assert (tmp_path / "egs/mine" / name).stat().st_mode & 0o111
    docstring = (tmp_path / "egs/mine/local/prepare_data.py").read_text().split('"""')[1]
    for word in ("--nj N --corpus DIR", "wav.scp", "utt2attack", "utt2<factor>", "counts"):
        assert word in docstring
    check = ["ruff", "check", "--config", ROOT / "pyproject.toml", tmp_path]
    assert subprocess.run(check, capture_output=True).returncode == 0


def test_nothing_is_written_over(tmp_path):
    worker(NEW, "mine", "--into", tmp_path, cwd=tmp_path)
    (tmp_path / "egs/mine/run.sh").unlink()
    (tmp_path / "egs/mine/README.md").write_text("my notes")
    line = refused(NEW, "mine", "--into", tmp_path, cwd=tmp_path)
    assert "is there already" in line
    assert (tmp_path / "egs/mine/README.md").read_text() == "my notes"
    assert not (tmp_path / "egs/mine/run.sh").exists()


@pytest.mark.parametrize("name", ["../mine", "my corpus", "-x", "9"])
def test_what_is_no_name_is_refused(tmp_path, name):
    status, _, error = worker(NEW, "--into", tmp_path, "--", name, cwd=tmp_path)
    assert status == 1
    assert "wanted a name of letters, digits and _" in error
    assert list(tmp_path.iterdir()) == []


def test_the_list_says_of_each_recipe_what_it_needs():
    done = subprocess.run([ROOT / "run.sh", "--list"], capture_output=True, text=True, env={})
    assert (done.returncode, done.stderr) == (0, "")  # by the system's Python, without a set-up
    blocks = done.stdout.split("\n  home")
    assert len(blocks) == len(RECIPES) + 1
    for path in RECIPES:
        said = yaml.safe_load((path.parent / "corpus.yaml").read_text())
        assert f"{path.parent.name}: {said['name']}\n" in done.stdout
        for key in ("has", "needs", "size", "licence", "home"):
            assert f"  {key:8s} {said[key]}\n" in done.stdout


def test_a_recipe_that_says_too_little_is_named(tmp_path):
    worker(NEW, "mine", "--into", tmp_path, cwd=tmp_path)
    egs, path = tmp_path / "egs", tmp_path / "egs/mine/corpus.yaml"
    text = path.read_text()
    assert worker(LIST, "--egs", egs, cwd=tmp_path)[1].startswith("mine: mine\n")
    path.write_text(text.replace("licence: WHICH\n", ""))
    assert "corpus.yaml: 'licence' is missing" in refused(LIST, "--egs", egs, cwd=tmp_path)
    path.write_text(f"{text}colour: red\n")
    assert "corpus.yaml:7: found 'colour: red'" in refused(LIST, "--egs", egs, cwd=tmp_path)
    path.unlink()
    assert "corpus.yaml: no such file" in refused(LIST, "--egs", egs, cwd=tmp_path)
    assert "other: no such recipe" in refused(LIST, "--egs", egs, "other", cwd=tmp_path)
