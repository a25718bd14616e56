"""tools/setup.sh with interpreters that are made up: what it installs, in which order, and when."""

import os
import shutil
import subprocess
import sys

import pytest
from plain_mini import ROOT

PYTHON = """#!/bin/bash
echo "$(basename "$0")|$*" >>"$WORLD/calls"
case "$*" in
  "-c import sys; sys.exit"*) [ ! -e "$WORLD/old_$(basename "$0")" ] ;;
  --version) echo Python 3.99 ;;
  "-m venv "*) [ ! -e "$WORLD/novenv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-c import torchaudio") [ ! -e "$WORLD/torchaudio/lib/cuda.so" ] ;;
  *find_spec*) echo "$WORLD/torchaudio" ;;
  *"pip install"*) [ ! -e "$WORLD/nopip" ] ;;
esac
"""


class World:
    """A clone whose tools/setup.sh finds the interpreters on a PATH of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("tools/setup.sh", "tools/requirements.txt", "utils/parse_options.sh"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self.program("tools/debian.sh", '#!/bin/bash\necho "debian|$*" >>"$WORLD/calls"\n')
        self.program("bin/python3", PYTHON)

    def program(self, name, script):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def run(self, *arguments, **more):
        env = {**os.environ, "WORLD": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "c")}
        env["PATH"] = f"{self.folder}/bin:/usr/bin:/bin"
        command = ["bash", str(self.folder / "tools/setup.sh"), *arguments]
        done = subprocess.run(command, env=env | more, capture_output=True, text=True, timeout=60)
        calls = self.folder / "calls"
        found = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return done.returncode, done.stdout + done.stderr, found


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def installs(calls):
    before = "python|-m pip install --disable-pip-version-check --cache-dir "
    return [c.removeprefix(before).split(" ", 1) for c in calls if "pip install" in c]


def test_everything_is_installed_in_its_order_and_once(world, tmp_path):
    status, words, calls = world.run()
    assert status == 0, words
    assert f"python3|-m venv {tmp_path}/tools/venv" in calls
    quiet = "--quiet --retries 5 "
    assert installs(calls) == [
        [f"{tmp_path}/c/antispoof/pip", f"{quiet}torch==2.13.0"],
        [f"{tmp_path}/c/antispoof/pip", f"{quiet}-r {tmp_path}/tools/requirements.txt"],
        [
            f"{tmp_path}/c/antispoof/pip",
            f"{quiet}--no-deps torchaudio==2.11.0 s3prl==0.4.18 timm==0.4.5",
        ],
    ]
    assert "with Python 3.99" in words and "tools/setup.sh: done in" in words
    assert (tmp_path / "c/antispoof").is_dir()
    assert world.run() == (0, "", [])


@pytest.mark.parametrize("changed", ["tools/setup.sh", "tools/requirements.txt", "venv", "done"])
def test_what_changed_is_set_up_again(world, tmp_path, changed):
    world.run()
    if changed == "venv":
        (tmp_path / "tools/venv/bin/python").chmod(0o644)
    elif changed == "done":
        (tmp_path / "tools/.done").unlink()
    else:
        with open(tmp_path / changed, "a") as stream:
            stream.write("# more\n")
    (tmp_path / "tools/venv/left over").touch()
    status, _, calls = world.run()
    assert status == 0 and len(installs(calls)) == 3
    assert not (tmp_path / "tools/venv/left over").exists()


def test_an_install_that_fails_is_not_taken_for_done(world, tmp_path):
    world.run()
    with open(tmp_path / "tools/requirements.txt", "a") as stream:
        stream.write("# more\n")
    (tmp_path / "nopip").touch()
    status, _, calls = world.run()
    assert status != 0 and len(installs(calls)) == 1
    assert not (tmp_path / "tools/.done").exists()
    (tmp_path / "nopip").unlink()
    assert world.run()[0] == 0 and world.run() == (0, "", [])


def test_the_first_python_that_is_new_enough_is_taken(world, tmp_path):
    for name in ("python3.13", "python3.12", "python3.11", "python3.10"):
        world.program(f"bin/{name}", PYTHON)
        (tmp_path / f"old_{name}").touch()
    (tmp_path / "old_python3").touch()
    status, words, _ = world.run()
    assert status == 1 and "no Python 3.10 to 3.13 found" in words
    (tmp_path / "old_python3.12").unlink()
    (tmp_path / "old_python3.10").unlink()
    assert f"python3.12|-m venv {tmp_path}/tools/venv" in world.run()[2]
    (tmp_path / "tools/.done").unlink()
    status, _, calls = world.run("--python", "python3.10", "--cache", str(tmp_path / "other"))
    assert status == 0 and [c.split("|")[0] for c in calls][:1] == ["python3.10"]
    assert {place for place, _ in installs(calls)} == {f"{tmp_path}/other/pip"}


@pytest.mark.parametrize("helps", [True, False])
def test_the_package_that_makes_environments_is_installed_where_it_lacks(world, tmp_path, helps):
    (tmp_path / "novenv").touch()
    if helps:
        script = '#!/bin/bash\necho "debian|$*" >>"$WORLD/calls"; rm "$WORLD/novenv"\n'
        world.program("tools/debian.sh", script)
    status, words, calls = world.run()
    assert f"debian|--cache {tmp_path}/c/antispoof python3-venv" in calls
    assert "installing python3-venv" in words
    assert (status == 0) == helps
    assert ("cannot make tools/venv; install the package python3-venv" in words) != helps


@pytest.mark.parametrize("links", [True, False])
def test_a_library_that_links_cuda_is_removed_and_no_other(world, tmp_path, links):
    library = tmp_path / "torchaudio/lib"
    library.mkdir(parents=True)
    for name in ["other.so", "readme"] + ["cuda.so"] * links:
        (library / name).touch()
    status, words, _ = world.run()
    assert status == 0
    assert ("torchaudio's native library needs CUDA" in words) == links
    left = sorted(path.name for path in library.iterdir())
    assert left == (["readme"] if links else ["other.so", "readme"])


def test_versions_from_3_10_to_3_13_suit(world):
    (question,) = [call for call in world.run()[2] if "version_info" in call]
    name, _, script = question.partition("|-c ")
    assert name == "python3"
    for version in ((3, 9), (3, 10), (3, 11), (3, 13), (3, 14), (4, 0)):
        asked = script.replace("sys.version_info[:2]", str(version))
        suits = subprocess.run([sys.executable, "-c", asked]).returncode == 0
        assert suits == ((3, 10) <= version < (3, 14))
