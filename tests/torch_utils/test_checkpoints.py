"""A checkpoint of which a bit has changed, or that holds something else, is refused in one line."""

import collections
import os
import pickle
import re
import zipfile

import pytest
import torch

from antispoof.errors import UserError
from antispoof.torch_utils.checkpoint import load_checkpoint, load_weights, save_checkpoint


def weights():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2).state_dict()


@pytest.fixture
def best(tmp_path):
    save_checkpoint(tmp_path / "best.pt", {"model": weights(), "epoch": 3})
    return tmp_path / "best.pt"


def flip(path, data, at, bit=0):
    path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])


def said_of(path, read=load_checkpoint):
    """The one line that refuses `path`."""
    with pytest.raises(UserError) as said:
        read(path)
    (line,) = str(said.value).splitlines()
    assert line.startswith(f"{path}: ")
    assert "\x1b" not in line
    assert "weights_only" not in line
    return line


def test_a_flipped_bit_anywhere_is_refused(best):
    data = best.read_bytes()
    for at in [*range(0, len(data), 7), *range(len(data) - 100, len(data))]:
        flip(best, data, at, at % 8)
        assert "is not a whole checkpoint" in said_of(best)
    best.write_bytes(data)
    assert load_checkpoint(best)["epoch"] == 3


def test_a_flipped_bit_says_what_was_found_and_wanted(best):
    data = best.read_bytes()
    flip(best, data, len(data) // 2)
    seal = data[-64:-48].decode()
    assert f"wanted {seal}..., which was written with it); remove it" in said_of(best)
    best.write_bytes(data[:-1] + (b"1" if data[-1:] == b"0" else b"0"))  # of the seal itself
    assert "found the SHA-256" in said_of(best)


def test_a_checkpoint_that_was_cut_or_grew_is_refused(best):
    data = best.read_bytes()
    for size in (0, 1, 70, 71, len(data) - 72, len(data) - 71, len(data) - 1):
        best.write_bytes(data[:size])
        said_of(best)
    best.write_bytes(data + b"\0")
    said_of(best)


def test_other_programs_read_what_is_sealed(best):
    assert torch.load(best, weights_only=True, mmap=True)["epoch"] == 3
    assert zipfile.ZipFile(best).testzip() is None
    assert zipfile.ZipFile(best).comment.startswith(b"sha256:")


def test_a_checkpoint_of_an_earlier_version_loads_unless_a_number_has_changed(best):
    state = {"model": {"w": torch.full((64,), 1.5)}}
    torch.save(state, best)
    assert torch.equal(load_checkpoint(best)["model"]["w"], state["model"]["w"])
    data = best.read_bytes()
    start = data.index(state["model"]["w"].numpy().tobytes())
    for at in range(start, start + 256):
        flip(best, data, at, at % 8)
        assert "found another CRC-32 of its record" in said_of(best)


class Runs:
    def __reduce__(self):
        return os.system, ("touch ran",)


REFUSED = {
    "a call": ({"model": Runs()}, r"names (posix|nt)\.system, which no checkpoint needs"),
    "a class": ({"model": {"w": collections.UserDict()}}, "names collections.UserDict, which"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_pickle_is_refused_in_our_own_words(best, kind, monkeypatch):
    monkeypatch.chdir(best.parent)
    state, words = REFUSED[kind]
    for save in (save_checkpoint, lambda path, state: torch.save(state, path)):
        save(best, state)
        assert re.search(words, said_of(best))
    assert not (best.parent / "ran").exists()


def a_text(path):
    path.write_text("This is no checkpoint, but a text that is long enough to hold a seal." * 3)


def a_pickle(path):
    path.write_bytes(pickle.dumps({"model": {}}, 2))


def a_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x" * 200)


def a_legacy_file(path):
    torch.save({"model": weights()}, path, _use_new_zipfile_serialization=False)


FILES = {"nothing": lambda path: path.write_bytes(b""), "a folder": lambda path: path.mkdir()}
FILES |= {f.__name__: f for f in (a_text, a_pickle, a_zip, a_legacy_file)}


def changed(**changes):
    return {"model": {**weights(), **changes}}


STATES = {
    "a list": [1, 2],
    "a tensor": torch.zeros(3),
    "a text": "model",
    "a number": 3,
    "none": None,
    "an empty dict": {},
    "weights without 'model'": weights(),
    "a list as model": {"model": [1]},
    "a text as model": {"model": "weights"},
    "a tensor as model": {"model": torch.zeros(2)},
    "none as model": {"model": None},
    "numbers for names": {"model": {0: torch.zeros(2), 1: torch.zeros(2, 3)}},
    "no weights": {"model": {}},
    "a weight missing": {"model": {"bias": torch.zeros(2)}},
    "a weight too many": changed(other=torch.zeros(2)),
    "another shape": changed(weight=torch.zeros(3, 2)),
    "no shape": changed(bias=torch.tensor(1.0)),
    "another type": changed(bias=torch.zeros(2, dtype=torch.float64)),
    "whole numbers": changed(bias=torch.zeros(2, dtype=torch.int64)),
    "complex numbers": changed(bias=torch.zeros(2, dtype=torch.complex64)),
    "a list as weight": changed(bias=[0.0, 0.0]),
    "a text as weight": changed(bias="zero"),
    "none as weight": changed(bias=None),
    "a dict as weight": changed(bias={"weight": torch.zeros(2)}),
    "a sparse weight": changed(weight=torch.zeros(2, 3).to_sparse()),
    "a weight without numbers": changed(bias=torch.zeros(2, device="meta")),
}


@pytest.mark.parametrize("kind", [*FILES, *STATES])
def test_weights_of_every_wrong_kind_are_refused_in_one_line(tmp_path, kind):
    path, module = tmp_path / "best.pt", torch.nn.Linear(3, 2)
    if kind in FILES:
        FILES[kind](path)
    else:
        save_checkpoint(path, STATES[kind])
    line = said_of(path, lambda place: load_weights(module, place))
    assert any(word in line for word in ("remove it", "train it again", "does not fit"))
    assert len(line) < 600


def test_weights_that_fit_are_taken(best):
    module = torch.nn.Linear(3, 2)
    load_weights(module, best)
    assert torch.equal(module.weight, weights()["weight"])
