"""Files that are whole or absent, places, shared options, progress and errors of the system."""

import argparse
import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from antispoof import paths, progress
from antispoof.errors import UserError, explain_os_error, one_line_errors
from antispoof.files import atomic_open, atomic_path, sha256_file
from antispoof.options import add_learning_options


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    path, order, fsync, replace = tmp_path / "x", [], os.fsync, os.replace

    def sync(number):
        order.append(("fsync", os.readlink(f"/proc/self/fd/{number}"), os.fstat(number).st_size))
        fsync(number)

    def rename(old, new):
        order.append(("rename", str(old), Path(old).read_text()))
        assert Path(new) == path
        replace(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    with atomic_open(path) as stream:
        stream.write("ä" * 500)
        temporary = stream.name
        assert not order
    assert order[:2] == [("fsync", temporary, 1000), ("rename", temporary, "ä" * 500)]
    assert [entry[:2] for entry in order[2:]] == [("fsync", str(tmp_path))]
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_what_fails_at_the_end_leaves_the_old_file_alone(tmp_path, monkeypatch, failing):
    (tmp_path / "x").write_text("old")

    def fail(*_):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="input/output"), atomic_open(tmp_path / "x") as stream:
        stream.write("new")
    assert (tmp_path / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_two_at_once_have_their_own_temporary_names(tmp_path):
    with atomic_path(tmp_path / "x") as one, atomic_path(tmp_path / "x") as other:
        assert one != other
        assert one.parent == other.parent == tmp_path
        for temporary in (one, other):
            assert temporary.name.startswith(f".x.{os.getpid()}.")
            assert temporary.name.endswith(".tmp")
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "x").read_text() == "one"  # which ended last
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_text_has_line_feeds_and_bytes_are_bytes(tmp_path):
    with atomic_open(str(tmp_path / "a" / "b" / "x")) as stream:
        stream.write("é\n")
    assert (tmp_path / "a" / "b" / "x").read_bytes() == b"\xc3\xa9\n"
    assert stream.newlines is None
    assert stream.encoding == "utf-8"
    with atomic_open(tmp_path / "y", "wb") as stream:
        stream.write(b"\r\n\xff")
    assert (tmp_path / "y").read_bytes() == b"\r\n\xff"


def test_an_error_keeps_the_name_that_it_has(tmp_path):
    for name, wanted in ((None, str(tmp_path / "x")), ("other", "other")):
        with pytest.raises(OSError, match="bad") as caught, atomic_open(tmp_path / "x"):
            raise OSError(errno.EIO, "bad", name)
        assert caught.value.filename == wanted


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_checksum_is_that_of_all_bytes(tmp_path, size):
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    (tmp_path / "x").write_bytes(data)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_the_folder_one_is_in_comes_before_the_root(tmp_path, monkeypatch):
    own, root = tmp_path / "own", tmp_path / "root"
    for folder, names in ((own, ("both", "own")), (root, ("both", "root"))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"{folder.name}")
    monkeypatch.chdir(own)
    monkeypatch.setattr(paths, "ROOT", root)
    assert [paths.find(name).read_text() for name in ("both", "own", "root")] == [
        "own", "own", "root",
    ]  # fmt: skip
    assert paths.find(root / "both") == root / "both"
    for name in ("none", tmp_path / "none"):
        with pytest.raises(UserError, match=f"none: no such file, neither in {own} nor in {root}"):
            paths.find(name)


def test_the_root_is_where_the_recipe_is():
    assert (paths.ROOT / "run.sh").is_file()
    assert (paths.ROOT / "antispoof" / "paths.py").is_file()


@pytest.mark.parametrize(("name", "wanted"), [
    ("aasist_seed12", ("aasist", 12)), ("aasist", ("aasist", None)), ("a_seed0", ("a", 0)),
    ("a_seed1_seed2", ("a_seed1", 2)), ("a_seed", ("a_seed", None)), ("seed3", ("seed3", None)),
    ("a_seed1b", ("a_seed1b", None)), ("a_seed007", ("a", 7)), ("x/../b_seed4/", ("b", 4)),
])  # fmt: skip
def test_a_folder_is_named_after_its_system_and_seed(name, wanted):
    assert paths.system_and_seed(Path("exp", name)) == wanted
    assert paths.system_and_seed(f"exp/{name}") == wanted


def test_a_name_of_two_lines_is_a_name():
    assert paths.system_and_seed("exp/two\nlines_seed3") == ("two\nlines", 3)


def test_a_path_without_a_name_is_no_experiment():
    with pytest.raises(UserError, match=r"^/: has no name, wanted the folder of an experiment$"):
        paths.system_and_seed("/")


def test_options_of_learning_have_their_defaults():
    parser = argparse.ArgumentParser()
    add_learning_options(parser)
    found = parser.parse_args(["--data", "data/dev"])
    assert (found.data, found.dev_set, found.apply) == (Path("data/dev"), None, "dev eval")
    assert found.prior == pytest.approx(1 / (1 + 10 * 0.05 / 0.95))  # costs 1 and 10, spoof 5 %
    words = ["--data", "d", "--dev-set", "x", "--apply", "a", "--prior", "0.25"]
    found = parser.parse_args(words)
    assert (found.dev_set, found.apply, found.prior) == ("x", "a", 0.25)
    with pytest.raises(SystemExit):
        parser.parse_args([])


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that a test sets."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_line_holds_share_rate_and_time_left(clock):
    bar = progress.Progress(20, "utterances", "extract", io.StringIO())
    bar.advance(2)
    clock[0] += 10
    bar.advance(3, "loss 0.5")
    assert bar.line() == (
        "extract [#####...............] 5/20 utterances, 0.5/s, 30 s left, loss 0.5"
    )
    bar.advance(15)
    assert bar.line() == "extract [####################] 20/20 utterances, 2.0/s, 0 s left"
    assert "inf s left" in progress.Progress(3, "x", "y", io.StringIO()).line()
    assert "[....................] 0/0 x" in progress.Progress(0, "x", "y", io.StringIO()).line()


@pytest.mark.parametrize(("stream", "gap"), [(io.StringIO, 30.0), (Screen, 0.2)])
def test_a_line_is_shown_after_its_time_and_not_before(clock, stream, gap, monkeypatch):
    monkeypatch.delenv("ANTISPOOF_PROGRESS", raising=False)
    out = stream()
    bar = progress.Progress(9, "x", "y", out)
    shown = []
    for step in (0.9, 0.2, 0.9, 0.2, 0.05):
        clock[0] += step * gap
        bar.advance()
        shown.append(out.getvalue().count("/9 x"))
    assert shown == [0, 1, 1, 2, 2]
    assert out.getvalue().count("\n") == (2 if gap == 30 else 0)
    assert out.getvalue().count("\r\033[K") == (0 if gap == 30 else 2)
    before = out.getvalue()
    bar.close()
    assert out.getvalue() == before + ("" if gap == 30 else "\r\033[K")


def test_a_line_goes_to_the_errors_where_nothing_is_said(clock, capsys, monkeypatch):
    monkeypatch.delenv("ANTISPOOF_PROGRESS", raising=False)
    bars = [progress.Progress(9, "x", name, quiet=name == "quiet") for name in ("loud", "quiet")]
    clock[0] += 31
    for bar in bars:
        bar.advance(2)
    out, error = capsys.readouterr()
    assert out == ""
    assert error == "loud [####................] 2/9 x, 0.1/s, 108 s left\n"


def test_a_job_writes_its_line_into_a_file(clock, tmp_path, monkeypatch):
    path = tmp_path / "state"
    monkeypatch.setenv("ANTISPOOF_PROGRESS", str(path))
    bar, quiet = (progress.Progress(9, "x", "y", io.StringIO(), quiet=q) for q in (False, True))
    for step, wanted in ((0.4, None), (0.2, 2), (0.4, 2), (0.2, 4)):
        clock[0] += step
        bar.advance()
        quiet.advance(5)
        text = path.read_text() if path.exists() else None
        assert text == (None if wanted is None else text)
        assert wanted is None or f"] {wanted}/9 x" in text
    path.unlink()
    path.mkdir()  # cannot be written: the job goes on
    clock[0] += 1
    bar.advance()
    assert bar.done == 5


@pytest.mark.parametrize(("number", "words"), [
    (errno.EPERM, "output: .*; wanted a place that can be read and written"),
    (errno.EACCES, "output: .*; wanted a place"), (errno.EDQUOT, "output: disk full; free"),
    (errno.ENOENT, "output: no such file or directory; has the stage"),
])  # fmt: skip
def test_an_error_without_a_name_is_of_the_output(number, words):
    with pytest.raises(SystemExit, match=f"^steps/x.py: {words}"), one_line_errors("steps/x.py"):
        raise OSError(number, os.strerror(number))
    assert explain_os_error(OSError("only words")) == "output: only words"
