"""egs/mini: which folder a corpus is in, when it is built, and the environment it is built in."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from plain_mini import ROOT

from antispoof.errors import UserError
from corpus import environment, index, packages, store, wheels

LOCAL = ROOT / "egs/mini/local"


def folder_of(here, versions, requirements=b"pins\n", size="small", machine="x86_64"):
    """The name by hand: machine, size, versions, pins, and each module that sound depends on."""
    digest = hashlib.sha256(f"{machine}\n{size}\n".encode())
    digest.update("".join(f"{p} {versions[p]}\n" for p in sorted(versions)).encode() + requirements)
    silent = ["credits", "datadir", "locks", "packages", "provenance", "store", "wheels"]
    for path in sorted(here.rglob("*")):
        if path.suffix in (".py", ".scm") and path.name not in {f"{n}.py" for n in silent}:
            digest.update(f"{path.relative_to(here)}\n".encode() + path.read_bytes())
    return f"{size}-{digest.hexdigest()[:12]}"


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A copy of the modules, which the store takes for its own."""
    here = tmp_path / "corpus"
    shutil.copytree(LOCAL / "corpus", here, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(store, "__file__", str(here / "store.py"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(wheels, "REQUIREMENTS", tmp_path / "pins.txt")
    (tmp_path / "pins.txt").write_text("pins\n")
    return here


def test_a_folders_name_is_of_all_that_the_sound_depends_on(code, tmp_path, monkeypatch):
    def name(size="small", **versions):
        found = store.corpus_folder(tmp_path / "c", size, {"b": "1", "a": "2", **versions})
        assert found.parent == tmp_path / "c/mini"
        return found.name

    first = name()
    assert first == folder_of(code, {"a": "2", "b": "1"})
    others = {name(size="full"), name(a="3"), name(c="1")}
    for path in sorted(code.rglob("*")):
        if path.suffix in (".py", ".scm"):
            text = path.read_text("utf-8")
            path.write_text(text + "\n", "utf-8")
            silent = name() == first
            path.write_text(text, "utf-8")
            wanted = ("credits", "datadir", "locks", "packages", "provenance", "store", "wheels")
            assert silent == (path.stem in wanted), path
    (tmp_path / "pins.txt").write_text("others\n")
    others.add(name())
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    others.add(name())
    assert len(others) == 5 and first not in others


def test_a_corpus_that_lacks_attacks_is_used_only_where_it_may(tmp_path):
    assert store.usable(tmp_path, True) is None
    index.finish(tmp_path, {}, {"A01": "why"})
    assert store.usable(tmp_path, False) is None
    assert store.usable(tmp_path, True) == ({}, {"A01": "why"})
    index.finish(tmp_path, {}, {})
    assert store.usable(tmp_path, False) == ({}, {})


def test_the_builder_runs_in_its_own_environment(monkeypatch, tmp_path):
    calls = []

    def run(command, **more):
        calls.append((command, more))
        return types.SimpleNamespace(returncode=len(calls) - 1)

    monkeypatch.setattr(store.subprocess, "run", run)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    store.run_builder(Path("/py"), tmp_path, Path("/table"), "full", 3, False)
    with pytest.raises(UserError, match="the corpus is not complete"):
        store.run_builder(Path("/py"), tmp_path, Path("/table"), "small", 1, True)
    module = ["/py", "-m", "corpus.build", str(tmp_path)]
    assert calls[0][0] == [*module, "full", "3"]
    assert calls[1][0] == [*module, "small", "1", "--allow-partial"]
    env = calls[0][1]["env"]
    assert env["CORPUS_PACKAGES"] == "/table" and env["PYTHONHASHSEED"] == "0"
    assert env["PYTHONPATH"] == f"{LOCAL}{os.pathsep}{ROOT}"
    assert (env["OMP_NUM_THREADS"], env["OPENBLAS_NUM_THREADS"]) == ("1", "1")
    assert env["OPENBLAS_CORETYPE"] == "Haswell" and env["PATH"] == os.environ["PATH"]
    assert env["NPY_DISABLE_CPU_FEATURES"] == (
        "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
    )


@pytest.mark.parametrize("state", ["whole", "made by another run", "built", "broken"])
def test_a_corpus_is_built_once(monkeypatch, tmp_path, capsys, state):
    folder, calls = tmp_path / "mini/small-1", []
    if state == "made by another run":
        monkeypatch.setattr(store, "locked", lambda path, what: finishing(folder))
    if state == "whole":
        index.finish(folder, {}, {})

    def run_builder(*arguments):
        calls.append(arguments)
        if state == "built":
            index.finish(folder, {}, {"A01": "why"})

    monkeypatch.setattr(store.wheels, "interpreter", lambda cache: f"{cache}/py")
    monkeypatch.setattr(store, "run_builder", run_builder)
    arguments = ("small", 2, True)
    if state == "broken":
        with pytest.raises(UserError, match="is not whole after building it"):
            store.make("/c", folder, "table", *arguments)
    else:
        found = store.make("/c", folder, "table", *arguments)
        assert found == ({}, {"A01": "why"} if state == "built" else {})
    built = state in ("built", "broken")
    assert calls == ([("/c/py", folder, "table", *arguments)] if built else [])
    assert (f"builds the corpus in {folder}" in capsys.readouterr().err) == built
    assert (tmp_path / "mini/.small-1.lock").exists() == (state != "made by another run")


def finishing(folder):
    """Stands for a lock that one waits for while another run ends."""
    index.finish(folder, {}, {})
    return store.tempfile.TemporaryDirectory()


def test_what_is_there_is_taken_and_what_is_not_is_fetched(monkeypatch, tmp_path):
    fetched = []

    def fetch(cache, table, allow_partial):
        fetched.append((cache, allow_partial))
        Path(table).write_text("a 2 /x\n")

    def make(cache, folder, table, *rest):
        assert environment.read_packages(table) == {"a": ("2", Path("/x"))}
        return {"made": rest}, {"A01": folder.name}

    monkeypatch.setattr(packages, "versions", lambda cache: {"a": "1", "b": "1"})
    monkeypatch.setattr(packages, "fetch", fetch)
    monkeypatch.setattr(store, "make", make)
    old, new = (
        store.corpus_folder(tmp_path, "small", v) for v in ({"a": "1", "b": "1"}, {"a": "2"})
    )
    found = store.obtain(tmp_path, "small", 4, True)
    assert found == (new, {"made": ("small", 4, True)}, {"A01": new.name}, {"a": "2"})
    assert fetched == [(tmp_path, True)]
    index.finish(old, {}, {})
    assert store.obtain(tmp_path, "small", 4, False) == (old, {}, {}, {"a": "1", "b": "1"})
    assert len(fetched) == 1


def test_an_environment_is_made_once_and_named_by_its_pins(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(wheels, "_make", lambda home, python: made.append((home, python)))
    monkeypatch.setattr(wheels, "REQUIREMENTS", tmp_path / "pins.txt")
    (tmp_path / "pins.txt").write_text("a==1\n", "utf-8")
    version = ".".join(map(str, sys.version_info[:2]))
    key = hashlib.sha256(f"{version}\n{sys.base_prefix}\na==1\n".encode()).hexdigest()[:12]
    home = tmp_path / "wheels" / f"python{version}-{key}"
    for _ in range(2):
        assert wheels.interpreter(tmp_path) == home / "bin/python"
    assert made == [(home, home / "bin/python")]
    assert (home / ".done").read_text() == "a==1\n"
    (tmp_path / "pins.txt").write_text("a==2\n", "utf-8")
    assert wheels.interpreter(tmp_path) != home / "bin/python" and len(made) == 2


def test_wheels_are_installed_from_the_pins_alone(monkeypatch, tmp_path, capsys):
    calls = []

    def run(command, env, **_):
        calls.append(command)
        assert "PYTHONPATH" not in env and "PATH" in env
        return types.SimpleNamespace(returncode=0)

    monkeypatch.setattr(wheels.subprocess, "run", run)
    monkeypatch.setenv("PYTHONPATH", "/x")
    (tmp_path / "half").mkdir()
    wheels._make(tmp_path, tmp_path / "bin/python")
    assert not tmp_path.exists()
    assert calls[0] == [sys.executable, "-m", "venv", str(tmp_path)]
    assert calls[1][:4] == [f"{tmp_path}/bin/python", "-m", "pip", "install"]
    assert {"--no-deps", "--no-input"} <= set(calls[1])
    assert calls[1][-2:] == ["-r", str(ROOT / "egs/mini/conf/synthesisers.txt")]
    assert capsys.readouterr().err == f"makes the synthesisers' environment {tmp_path}\n"


@pytest.mark.parametrize(("out", "error", "words"), [
    ("", "x\nERROR: one\nERROR: two\nnotice\n", "ERROR: two"), ("said", "", "said"),
    ("", "a\nb", "b"), ("", "", "no message"),
])  # fmt: skip
def test_why_pip_failed_is_said_in_one_line(monkeypatch, out, error, words):
    done = subprocess.CompletedProcess([], 1, out, error)
    monkeypatch.setattr(wheels.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(UserError) as caught:
        wheels._run(["pip", "x"], "install the wheels")
    assert str(caught.value) == f"synthesisers.txt: cannot install the wheels: {words} (pip x)"
