"""Labels of frames as NumPy stores them: read without running what a file names."""

import os
import pickle

import numpy as np
import pytest

from antispoof.corpora.frame_labels import read_labels, spans_of
from antispoof.errors import UserError


class Evil:
    """Runs a command where a pickle is read in the usual way."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_a_dictionary_by_numpy_is_read(tmp_path):
    labels = {"a": ["1", "0"], "b": np.array(["0", "1"])}
    np.save(tmp_path / "x.npy", labels)
    found = read_labels(tmp_path / "x.npy")
    assert found["a"] == ["1", "0"]
    assert found["b"].tolist() == ["0", "1"]


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_file_that_names_a_program_is_refused_and_not_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", {"a": ["1"]})
    head = (tmp_path / "x.npy").read_bytes()[:128]
    assert head[-1:] == b"\n"
    (tmp_path / "x.npy").write_bytes(head + pickle.dumps(Evil(), protocol))
    with pytest.raises(UserError, match="names posix.system, which is never loaded"):
        read_labels(tmp_path / "x.npy")
    assert not (tmp_path / "was_run").exists()


class Pointers:
    """An array of objects, whose pointers the file would choose."""

    def __reduce__(self):
        return np.ndarray, ((), np.dtype("O"), b"A" * 8)


@pytest.mark.parametrize("held", [Pointers(), np.array({"a": Pointers()}, dtype=object)])
def test_a_file_that_makes_an_array_of_pointers_is_refused(tmp_path, held):
    np.save(tmp_path / "x.npy", {"a": ["1"]})
    head = (tmp_path / "x.npy").read_bytes()[:128]
    (tmp_path / "x.npy").write_bytes(head + pickle.dumps(held, 4))
    with pytest.raises(UserError, match="wanted a dictionary"):
        read_labels(tmp_path / "x.npy")


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("labels", [["0", "1"], np.array(["0", "1"]), np.array([0, 1])])
def test_labels_are_read_as_lists_and_arrays_of_any_protocol(tmp_path, labels, protocol):
    np.save(tmp_path / "x.npy", {"a": ["1"]})
    head = (tmp_path / "x.npy").read_bytes()[:128]
    held = np.array({"a": labels}, dtype=object)
    (tmp_path / "x.npy").write_bytes(head + pickle.dumps(held, protocol))
    assert [str(label) for label in read_labels(tmp_path / "x.npy")["a"]] == ["0", "1"]


@pytest.mark.parametrize("data", [b"", b"not numpy", b"\x93NUMPY\x01\x00\x10\x00{'a': 1}"])
def test_a_file_that_is_no_dictionary_is_one_line(tmp_path, data):
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(UserError, match="wanted a dictionary"):
        read_labels(tmp_path / "x.npy")
    for other in (np.arange(3), ["a list"]):
        np.save(tmp_path / "x.npy", other)
        with pytest.raises(UserError, match="wanted a dictionary"):
            read_labels(tmp_path / "x.npy")


def test_runs_of_labels_are_segments_that_end_with_the_sound():
    assert spans_of(list("1100"), 0.01, 0.043, "x") == [
        (0.0, 0.02, "bonafide"),
        (0.02, 0.043, "spoof"),
    ]
    assert spans_of(list("110"), 0.01, 0.0195, "x") == [(0.0, 0.0195, "bonafide")]
    assert spans_of(list("0"), 0.01, 0.012, "x") == [(0.0, 0.012, "spoof")]
