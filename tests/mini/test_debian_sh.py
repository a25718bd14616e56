"""tools/debian.sh, with an apt that is made up, and once with the real one."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plain_debian import DEBIAN, DPKG_DEB, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_data_is_unpacked_once_and_then_nothing_is_said(world):
    status, out, words = world.run("--data", "--print", "dataA")
    assert status == 0
    assert words == "tools/debian.sh: fetches dataA 2:1.0\n"
    package, version, folder = out.rstrip("\n").split(" ", 2)
    assert (package, version) == ("dataA", "2:1.0")
    assert folder == str(world.cache / "debian/dataA_2%3a1.0")
    assert Path(folder, "usr/share/dataA").is_file()
    world.calls()
    assert world.run("--data", "--print", "dataA") == (0, out, "")
    assert world.calls() == []


def test_what_is_installed_is_left_alone(world):
    (world.folder / "installed").write_text("progA 2:1.0\n")
    assert world.run("--print", "progA") == (0, "progA 2:1.0 /\n", "")
    assert world.calls() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_root_installs_all_in_one_call(world):
    status, out, words = world.run("--print", "progA", "progB")
    assert (status, words) == (0, "tools/debian.sh: installs progA progB\n")
    assert out == "progA 2:1.0 /\nprogB 2:1.0 /\n"
    (install,) = [call for call in world.calls() if "install" in call]
    assert "--no-install-recommends progA progB" in install


def test_without_root_programs_are_unpacked_with_what_they_need(world):
    status, out, words = world.run("--no-root", "--print", "progA", "progB")
    assert status == 0, words
    assert "for want of root: libneeded=0.9 progA=2:1.0 progB=2:1.0" in words
    folders = {line.split(" ", 2)[2] for line in out.splitlines()}
    (folder,) = folders
    for name in ("progA", "progB", "libneeded"):
        assert Path(folder, "usr/share", name).is_file()
    scheme = Path(folder, "usr/share/festival/y.scm").read_text()
    assert scheme == f'(load "{folder}/usr/share/festival/x.scm")\n'
    assert world.run("--no-root", "--print", "progA", "progB") == (0, out, "")


def test_lists_are_fetched_once_where_a_package_is_unknown(world):
    (world.folder / "lists").unlink()
    status, out, words = world.run("--look", "--data", "dataA")
    assert (status, out) == (0, "dataA 2:1.0 -\n")
    assert words == "tools/debian.sh: fetches the package lists\n"
    assert sum("update" in call for call in world.calls()) == 1


def test_looking_fetches_nothing(world):
    assert world.run("--look", "progA", "progB") == (0, "progA 2:1.0 -\nprogB 2:1.0 -\n", "")
    assert not any("install" in call or "download" in call for call in world.calls())


def test_a_download_that_stumbles_is_tried_again(world):
    (world.folder / "stumbles").write_text("1\n2\n")
    status, _, _ = world.run("--data", "dataA")
    assert status == 0
    assert sum("download" in call for call in world.calls()) == 3


def test_what_cannot_be_had_is_named_and_the_rest_is_done(world):
    status, out, words = world.run("--data", "--print", "nosuch", "dataA")
    assert status == 1
    assert out.startswith("dataA ")
    assert words.splitlines()[-1].startswith("tools/debian.sh: cannot get nosuch: ")
    assert "install by hand: nosuch" in words


def test_a_network_that_is_gone_leaves_nothing_behind(world):
    (world.folder / "stumbles").write_text("x\n" * 99)
    status, out, words = world.run("--data", "--print", "dataA")
    assert (status, out) == (1, "")
    assert "E: Failed to fetch" in words
    assert "cannot get dataA" in words
    assert not list((world.cache / "debian").glob("dataA*"))


def test_a_package_that_does_not_unpack_is_not_taken_for_done(world):
    world.program("dpkg-deb", 'mkdir -p "$3/half"; exit 2')
    for more in (["--data", "dataA"], ["--no-root", "progA"]):
        status, out, words = world.run("--print", *more)
        assert (status, out) == (1, "")
        assert "cannot get" in words
    assert not [path for path in (world.cache / "debian").iterdir() if path.is_dir()]


def test_the_folder_of_packages_may_be_a_link(world, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    world.cache.mkdir()
    (world.cache / "debian").symlink_to(tmp_path / "elsewhere")
    out = world.run("--data", "--print", "dataA")[1]
    assert out
    assert world.run("--data", "--print", "dataA") == (0, out, "")


def test_two_runs_fetch_once(world):
    (world.folder / "slow").touch()
    world.program("sleep", "exec /bin/sleep 1")
    first = world.start("--data", "dataA")
    while not (world.folder / "calls").exists():
        time.sleep(0.05)
    second = world.start("--data", "--print", "dataA")
    out, words = second.communicate(timeout=60)
    assert first.wait(timeout=60) == second.returncode == 0
    assert "waits for another run" in words
    assert out.startswith("dataA ")
    assert sum("download" in call for call in world.calls()) == 1


def test_a_killed_run_is_not_taken_for_done(world):
    world.program("dpkg-deb", 'mkdir -p "$3/half"; /bin/sleep 1; kill -9 $PPID')
    assert world.run("--data", "dataA")[0] != 0
    world.program("dpkg-deb", DPKG_DEB)
    status, out, _ = world.run("--data", "--print", "dataA")
    assert status == 0
    folder = Path(out.split(" ", 2)[2].rstrip("\n"))
    assert not (folder / "half").exists()
    assert [path.name for path in folder.parent.glob(".tmp.*")] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--fast", "x"], "unknown option --fast"), ([], "which packages"), (["--cache"], "a folder")],
)
def test_bad_calls_are_refused(arguments, words):
    done = subprocess.run(["bash", str(DEBIAN), *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_shows_how():
    done = subprocess.run(["bash", str(DEBIAN), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "tools/debian.sh --data" in done.stdout


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt here")
def test_the_real_apt_without_root(tmp_path):
    command = ["bash", str(DEBIAN), "--cache", str(tmp_path), "--no-root", "--print"]
    for more in (["--data", "sl"], ["sl"]):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        package, version, folder = done.stdout.rstrip("\n").split(" ")
        assert package == "sl"
        assert version[0].isdigit()
        assert Path(folder, "usr/games/sl").is_file()
        again = subprocess.run([*command, *more], capture_output=True, text=True, timeout=300)
        assert again.stdout == done.stdout, sys.executable
        assert again.stderr == ""
