"""Tables and archives cannot run code, whatever stands in them."""

import pickle

import kaldiio
import numpy as np
import pytest
import soundfile

from antispoof.data.ark import MATRIX, SOUND, read_entry, read_rows
from antispoof.data.audio import read_wave
from antispoof.errors import UserError


def commands(marker):
    """What Kaldi's tools would run, in every form that kaldiio knows."""
    return [f"touch {marker} |", f"touch {marker}|", f"touch {marker} |:5", f"| touch {marker}"]


@pytest.mark.parametrize("form", range(4))
def test_a_pipe_is_never_run(tmp_path, form):
    place = commands(tmp_path / "ran")[form]
    with pytest.raises(UserError, match="u1: is a shell pipe"):
        read_wave(place, "u1")
    for there in (place, place + ":5"):
        with pytest.raises(UserError, match="u1: "):
            read_entry(there, "u1", MATRIX)
    assert not (tmp_path / "ran").exists()


class Runs:
    """Leaves a mark where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_a_pickle_in_an_archive_is_never_loaded(tmp_path):
    ark = tmp_path / "x.ark"
    ark.write_bytes(b"u1 PKL" + pickle.dumps(Runs(tmp_path / "ran")))
    for kinds in (MATRIX, SOUND):
        with pytest.raises(UserError, match="x.ark:3: u1: cannot be read"):
            read_entry(f"{ark}:3", "u1", kinds)
    assert not (tmp_path / "ran").exists()


def test_matrices_and_their_errors(tmp_path):
    ark, matrix = tmp_path / "x.ark", np.arange(12, dtype=np.float32).reshape(4, 3)
    kaldiio.save_ark(str(ark), {"u1": matrix})
    np.testing.assert_array_equal(read_entry(f"{ark}:3", "u1", MATRIX), matrix)
    cut = tmp_path / "cut.ark"
    cut.write_bytes(ark.read_bytes()[:-5])
    for place in (f"{cut}:3", f"{ark}:4", f"{ark}:4000", f"{tmp_path}/none.ark:3", f"{ark}"):
        with pytest.raises(UserError, match="u1"):
            read_entry(place, "u1", MATRIX)


def test_sounds_in_an_archive(tmp_path):
    samples = (np.random.default_rng(0).uniform(-0.5, 0.5, 1600) * 32768).astype(np.int16)
    ark = tmp_path / "wav.ark"
    kaldiio.save_ark(str(ark), {"u1": (16000, samples)})
    np.testing.assert_array_equal(read_wave(f"{ark}:3", "u1"), samples / np.float32(32768))
    soundfile.write(tmp_path / "u.flac", samples, 16000)
    np.testing.assert_array_equal(
        read_wave(f"{tmp_path}/u.flac", "u1"), samples / np.float32(32768)
    )


@pytest.mark.parametrize("method", [None, 1, 3, 5])  # of kaldiio: float, by column, 2 and 1 bytes
def test_rows_are_those_of_the_whole(tmp_path, method):
    ark = str(tmp_path / "x.ark")
    matrix = np.random.default_rng(0).normal(0, 3, (40, 7)).astype(np.float32)
    kaldiio.save_ark(ark, {"u1": matrix}, compression_method=method)
    whole = read_entry(f"{ark}:3", "u1", MATRIX)
    for start, stop in ((0, 40), (11, 29), (39, 40)):
        rows = read_rows(f"{ark}:3", "u1", lambda count, own=(start, stop): own)
        assert rows.dtype == np.float32
        assert rows.tobytes() == whole[start:stop].tobytes()
    cut = tmp_path / "cut.ark"
    for size in (12, 20, 30, 60):
        cut.write_bytes((tmp_path / "x.ark").read_bytes()[:size])
        with pytest.raises(UserError, match="cut.ark:3: u1: cannot be read"):
            read_rows(f"{cut}:3", "u1", lambda count: (0, count))
