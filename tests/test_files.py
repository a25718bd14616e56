"""Files are whole or absent, and what the machine refuses is one line."""

import errno
import os

import pytest

from antispoof.errors import UserError, explain_os_error, one_line_errors
from antispoof.files import atomic_open, sha256_file


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a folder" / "x"
    with atomic_open(path) as stream:
        stream.write("ä\n")
        assert not path.exists()
    assert path.read_bytes() == "ä\n".encode()
    assert sha256_file(path) == "ac6f010e65c9ea739dbdaa21427edd5ef60c6d461ef4d619c003e3ab62453a56"


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_open(path, "wb") as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_stands_where_a_file_is_to_be_is_named_itself(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError) as caught, atomic_open(tmp_path / "x") as stream:
        stream.write("new")
    assert caught.value.filename == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_temporary_names_are_hidden(tmp_path):
    with atomic_open(tmp_path / "utt2label"):
        (temporary,) = tmp_path.iterdir()
        assert temporary.name.startswith(".utt2label.")
        assert temporary.name.endswith(".tmp")


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match="No space") as caught, atomic_open(tmp_path / "x") as stream:
        os.dup2(os.open("/dev/full", os.O_WRONLY), stream.fileno())
        stream.write("x" * 100)
    assert explain_os_error(caught.value).startswith(f"{tmp_path}/x: disk full; ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "/a b: disk full; free some space"),
        (errno.EDQUOT, "/a b: disk full"),
        (errno.EROFS, "/a b: Read-only file system; wanted a place that can be read and written"),
        (errno.EACCES, "/a b: Permission denied; wanted a place"),
        (errno.ENOENT, "/a b: no such file or directory; has the stage"),
        (errno.EFBIG, "/a b: File too large"),
    ],
)
def test_what_the_machine_refuses_is_one_line(number, words):
    with pytest.raises(SystemExit) as caught, one_line_errors("steps/x.py"):
        raise OSError(number, os.strerror(number), "/a b")
    assert caught.value.code.startswith(f"steps/x.py: {words}")
    assert "\n" not in caught.value.code


def test_what_the_user_can_mend_is_one_line_and_our_faults_are_not():
    with pytest.raises(SystemExit, match="x: y: found 1, wanted 2"), one_line_errors("x"):
        raise UserError("y: found 1, wanted 2")
    with pytest.raises(ZeroDivisionError), one_line_errors("x"):
        raise ZeroDivisionError
    with pytest.raises(SystemExit) as caught, one_line_errors("x"):
        raise KeyboardInterrupt
    assert caught.value.code == 130
