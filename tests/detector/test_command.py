"""`antispoof detect`, which `pip install .` brings, is steps/detect.py by another name."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torchaudio
from made_up import ROOT, worker
from small_packs import make_sounds, make_systems
from tree import text

from antispoof.detector.command import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a system and a sound."""
    folder = tmp_path_factory.mktemp("command")
    make_systems(folder, ("wave_seed1",))
    make_sounds(folder, 1)
    return folder


def run(capsys, *words):
    """(exit status, stdout, stderr) of `antispoof words`."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    return (ended.value.code, *capsys.readouterr())


def test_the_entry_point_names_it():
    (found,) = re.findall(r'^antispoof = "([\w.]+):(\w+)"$', text(ROOT / "pyproject.toml"), re.M)
    assert found == (main.__module__, main.__name__)


def test_it_prints_what_the_worker_prints(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    options = ("--model", "exp/wave_seed1", "--json", "0.wav", "none.wav")
    status, out, error = run(capsys, "detect", *options)
    assert status == 2
    assert json.loads(out)["file"] == "0.wav"
    assert error.startswith("antispoof detect: none.wav: ")
    expected = worker("steps/detect.py", *options, cwd=place)
    assert (status, out) == expected[:2]
    assert error.replace("antispoof detect", "steps/detect.py") == expected[2]


def test_its_help_and_what_it_refuses(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "detect", "--help")
    assert status == 0 and "antispoof detect call.wav recordings/" in out
    assert run(capsys, "--help")[0] == 0
    assert run(capsys, "--version")[1].startswith("antispoof ")
    status, _, error = run(capsys, "guess", "0.wav")
    assert status == 2 and "invalid choice: 'guess'" in error
    with pytest.raises(SystemExit, match="^antispoof detect: none/config.yaml: no such experiment"):
        main(["detect", "--model", "none", "--", "-odd.wav"])


def test_a_native_library_of_torchaudio_that_cannot_be_loaded_is_left_out(tmp_path):
    source = next(iter(torchaudio.__path__))
    shutil.copytree(source, tmp_path / "torchaudio", ignore=shutil.ignore_patterns("*.so"))
    (tmp_path / "torchaudio/lib").mkdir(exist_ok=True)
    (tmp_path / "torchaudio/lib/_torchaudio.abi3.so").write_bytes(b"no library")
    code = "import sys; sys.path.insert(0, '.')\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}import torchaudio"], cwd=tmp_path, capture_output=True
    )
    assert b"OSError" in done.stderr
    code += "from antispoof.features.mel import MelFrontEnd; MelFrontEnd()\n"
    code += "import torchaudio; print(torchaudio.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "torchaudio/__init__.py")


def test_an_installed_package_asks_for_a_model_and_not_for_a_recipe(tmp_path):
    shutil.copytree(ROOT / "antispoof", tmp_path / "library/antispoof")  # no run.sh next to it
    words = "from antispoof.detector.command import main; main(['detect', 'call.wav'])"
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "library")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "antispoof detect: found no --model, wanted one: a pack (NAME.zip), hf://USER/NAME or the "
        "folder of an experiment\n"
    )
