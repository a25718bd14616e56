"""tools/debian.sh, further: versions, names that begin alike, what fails, lists, attempts."""

import os
import re
import stat
from pathlib import Path

import pytest
from plain_debian import DPKG_DEB, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def unpacked(world, *names):
    for name in names:
        (world.cache / "debian" / name).mkdir(parents=True)


def test_the_newest_of_a_packages_own_folders_counts(world):
    unpacked(world, "dataA_1.9", "dataA_2%3a1.10", "dataA_2%3a1.9", "dataAB_7", "dataA-more_8")
    (world.cache / "debian/dataA_9").touch()  # no folder
    out = f"dataA 2:1.10 {world.cache}/debian/dataA_2%3a1.10\n"
    assert world.run("--data", "--print", "dataA") == (0, out, "")
    assert world.run("--data", "dataA") == (0, "", "")
    assert world.calls() == []


@pytest.mark.parametrize("state", ["config-files", "unpacked", "not-installed"])
def test_a_package_that_is_half_there_is_not_installed(world, state):
    world.program("dpkg-query", f'echo "{state} 2:0.9"')
    assert world.run("--look", "progA") == (0, "progA 2:1.0 -\n", "")


def test_what_apt_knows_is_not_looked_for_again(world):
    assert world.run("--data", "dataA")[0] == 0
    calls = world.calls()
    assert not any("update" in call for call in calls)
    assert sum(call.startswith("apt-cache") for call in calls) == 1
    assert all("Acquire::Retries=3" in call for call in calls if call.startswith("apt-"))


def test_a_package_that_fails_takes_no_other_with_it(world):
    script = f'case $2 in *dataB*) exit 2 ;; esac\n{DPKG_DEB}\nchmod 700 "$3"'
    world.program("dpkg-deb", script)
    for name in ("lists", "mirror"):
        (world.folder / name).write_text("dataA\ndataB\ndataC\n")
    status, out, words = world.run("--data", "--print", "dataB", "dataA", "dataC")
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["dataA", "dataC"]
    assert words.splitlines()[-1].startswith("tools/debian.sh: cannot get dataB: ")
    assert words.count("fetches the package lists") == 1
    assert not (world.cache / "debian/.log").exists()
    folder = Path(out.split("\n")[0].split(" ", 2)[2])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_lists_that_are_out_of_date_are_fetched_once_and_all_is_tried_again(world):
    (world.folder / "stumbles").write_text("1\n2\n3\n")
    status, out, words = world.run("--data", "--print", "dataA")
    assert status == 0 and out.startswith("dataA 2:1.0 ")
    calls = world.calls()
    assert sum("download" in call for call in calls) == 4
    assert sum("update" in call for call in calls) == 1
    assert "E: Failed to fetch" in words


def test_what_killed_runs_left_is_removed(world):
    unpacked(world, ".tmp.abcdef/root", ".apt-x", "dataB_1")
    assert world.run("--data", "dataA")[0] == 0
    folders = {path.name for path in (world.cache / "debian").iterdir() if path.is_dir()}
    assert folders == {".apt-x", "dataB_1", "dataA_2%3a1.0"}


def test_attempts_wait_longer_each_time(world):
    world.program("sleep", 'echo "sleep $1" >>"$WORLD/calls"')
    (world.folder / "stumbles").write_text("1\n2\n")
    assert world.run("--data", "dataA")[0] == 0
    assert [call for call in world.calls() if call.startswith("sleep")] == ["sleep 2", "sleep 4"]


def test_a_relative_cache_lies_below_where_one_stands(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world.cache = Path("near/by")
    status, out, _ = world.run("--data", "--print", "dataA")
    assert status == 0
    assert out == f"dataA 2:1.0 {tmp_path}/near/by/debian/dataA_2%3a1.0\n"


def test_without_root_the_cache_has_lists_of_its_own(world):
    (world.folder / "lists").unlink()
    status, out, words = world.run("--no-root", "--print", "progA")
    assert status == 0, words
    (update,) = [call for call in world.calls() if call.endswith(" update")]
    own = re.search(r"Dir::State::Lists=(.*)/lists -o", update)[1]
    assert own.startswith(f"{world.cache}/debian/.apt-")
    assert f"-o Dir::Cache={own}/cache" in update
    assert Path(own, "lists/partial").is_dir() and Path(own, "cache/archives/partial").is_dir()
    assert re.fullmatch(rf"progA 2:1.0 {world.cache}/debian/programs_[^/]+\n", out)


def test_a_tree_of_programs_is_fetched_once_and_another_for_others(world):
    trees = set()
    for programs in (["progA"], ["progA"], ["progB"]):
        out = world.run("--no-root", "--print", *programs)[1]
        trees.add(out.rstrip("\n").split(" ", 2)[2])
    assert len(trees) == 2
    assert sum("download" in call for call in world.calls()) == 2


def test_programs_that_cannot_be_had_stand_in_no_table(world):
    (world.folder / "stumbles").write_text("x\n" * 99)
    status, out, words = world.run("--no-root", "--print", "progA", "nosuch")
    assert (status, out) == (1, "")
    assert "cannot get nosuch progA" in words or "cannot get progA nosuch" in words


def test_nothing_is_printed_that_was_not_asked_for(world):
    assert world.run("--data", "dataA")[1] == ""
    assert world.run("--look", "nosuch")[1] == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_an_installation_that_fails_names_all_of_it(world):
    script = (world.folder / "bin/apt-get").read_text()
    world.program("apt-get", script.replace("*install*)\n", "*install*) exit 100\n"))
    status, out, words = world.run("--print", "progA", "progB")
    assert (status, out) == (1, "")
    assert "cannot get progA progB: " in words
    installs = [call for call in world.calls() if " install " in call]
    assert len(installs) == 6  # three times, and three times more with new lists
    assert all(" -y -q --no-install-recommends progA progB" in call for call in installs)
