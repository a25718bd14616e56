"""What a shell and its programs have around them, and what a user's own shell keeps."""

import os
import shutil
import subprocess

import pytest
from made_up import ROOT
from recipes import Recipe, only, succeed


def test_sourcing_path_changes_the_path_alone(tmp_path):
    """What else a user runs in that shell finds its own modules, in its own language."""
    (tmp_path / "config.py").write_text("value = 5\n")
    (tmp_path / "local.py").write_text("import config\nprint(config.value)\n")
    around = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "LC_ALL": "C", "root": "/x"}
    script = f"env -0 > before; . '{ROOT}/path.sh'; env -0 > after; "
    script += "python -c 'import config; print(config.value)'; python local.py; echo $root"
    done = subprocess.run(
        ["bash", "-c", script], env=around, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("5\n5\n/x\n", "")
    before, after = (set((tmp_path / n).read_text().split("\0")) for n in ("before", "after"))
    before, after = (
        {line for line in lines if not line.startswith("_=")} for lines in (before, after)
    )
    path = around["PATH"]
    assert after - before == {f"PATH={ROOT}/tools/venv/bin:{path}", f"ANTISPOOF_ROOT={ROOT}"}
    assert before - after == {f"PATH={path}"}


@pytest.mark.parametrize("way", ["steps/score.py", "utils/check_feats.py", "python -c"])
def test_after_path_the_library_is_found_from_any_folder(tmp_path, way):
    """In a clone that has a link to the environment of another one, it is the clone's own."""
    clone = tmp_path / "a clone"
    for name in ("path.sh", "antispoof", "steps", "utils"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (clone / name).parent.mkdir(exist_ok=True)
        copy(source, clone / name)
    (clone / "tools").mkdir()
    (clone / "tools/venv").symlink_to(ROOT / "tools/venv")
    with open(clone / "antispoof/__init__.py", "a") as stream:
        stream.write("\nprint(__file__)\n")
    words = f"'{clone}/{way}' --help" if "/" in way else f"{way} 'import antispoof.paths'"
    done = subprocess.run(
        ["bash", "-c", f". '{clone}/path.sh' && {words}"],
        env={"PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"{clone}/antispoof/__init__.py"


def test_a_recipe_runs_without_a_home(made_up_corpus, tmp_path):
    recipe = Recipe(tmp_path / "recipe", made_up_corpus).write()
    without = ["env", "-u", "HOME", "-u", "XDG_CACHE_HOME"]
    assert "== Stage 1" in succeed(recipe.run(*only(1), before=without))
