"""Archives byte by byte: entries built after Kaldi's format, and what is read of them."""

import struct

import kaldiio
import numpy as np
import pytest

from antispoof.data.ark import MATRIX, SOUND, read_entry, read_rows
from antispoof.errors import UserError

ROWS, COLUMNS = 9, 4


def floats():
    values = np.random.default_rng(0).normal(0, 3, (ROWS, COLUMNS)).astype("<f4")
    data = b"\0BFM \4" + struct.pack("<i", ROWS) + b"\4" + struct.pack("<i", COLUMNS)
    return data + values.tobytes(), values.tolist()


def numbers(kind, size):
    """Kaldi's compression 2 and 3: a least value, a range, and steps row by row."""
    steps = np.random.default_rng(1).integers(0, 256**size, (ROWS, COLUMNS))
    steps[0, :2] = 0, 256**size - 1
    least, reach = -7.25, 19.5
    data = b"\0B" + kind + b" " + struct.pack("<ffii", least, reach, ROWS, COLUMNS)
    values = [[least + reach * int(n) / (256**size - 1) for n in row] for row in steps]
    return data + steps.astype(f"<u{size}").tobytes(), values


def by_column():
    """Kaldi's compression 1: percentiles of each column, then its bytes, column by column."""
    least, reach = -2.0, 6.0
    data = b"\0BCM " + struct.pack("<ffii", least, reach, ROWS, COLUMNS)
    rng, columns = np.random.default_rng(2), []
    marks = np.sort(rng.integers(0, 65536, (COLUMNS, 4)), 1)
    steps = rng.integers(0, 256, (COLUMNS, ROWS))
    steps[0, :4] = 0, 64, 192, 255
    for row, places in zip(steps, marks, strict=True):
        p0, p25, p75, p100 = (least + reach * int(mark) / 65535 for mark in places)
        columns.append([
            p0 + (p25 - p0) * n / 64 if n <= 64
            else p25 + (p75 - p25) * (n - 64) / 128 if n <= 192
            else p75 + (p100 - p75) * (n - 192) / 63
            for n in map(int, row)
        ])  # fmt: skip
    data += marks.astype("<u2").tobytes() + steps.astype("u1").tobytes()
    return data, [list(row) for row in zip(*columns, strict=True)]


FORMS = {
    "float": floats,
    "two bytes": lambda: numbers(b"CM2", 2),
    "one byte": lambda: numbers(b"CM3", 1),
    "by column": by_column,
}
METHODS = {"float": None, "by column": 1, "two bytes": 3, "one byte": 5}  # kaldiio's names


@pytest.mark.parametrize("form", FORMS)
def test_an_entry_after_the_format_is_read_by_value(tmp_path, form):
    data, values = FORMS[form]()
    other = floats()[0]
    ark = tmp_path / "x: a.ark"
    ark.write_bytes(b"first " + other + b"u1 " + data + b"u2 " + other)
    place = f"{ark}:{len(other) + 9}"
    whole = read_entry(place, "u1", MATRIX)
    assert whole.shape == (ROWS, COLUMNS)
    np.testing.assert_allclose(whole, values, atol=2e-6)
    for start in range(ROWS):
        for stop in range(start + 1, ROWS + 1):
            seen = []
            found = read_rows(place, "u1", lambda n, a=start, b=stop: seen.append(n) or (a, b))  # noqa: B023
            assert seen == [ROWS]
            assert (found.shape, found.dtype) == ((stop - start, COLUMNS), np.float32)
            assert found.tobytes() == np.ascontiguousarray(whole[start:stop]).tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_what_kaldiio_writes_is_of_that_format(tmp_path, form):
    _, values = FORMS[form]()
    kaldiio.save_ark(f"{tmp_path}/x.ark", {"u1": np.array(values, np.float32)},
                     compression_method=METHODS[form])  # fmt: skip
    assert (tmp_path / "x.ark").read_bytes()[:8] == b"u1 " + FORMS[form]()[0][:5]
    spread = max(map(max, values)) - min(map(min, values))
    step = {"float": 1e-7, "two bytes": 1 / 65535, "one byte": 1 / 255, "by column": 1 / 60}[form]
    found = read_rows(f"{tmp_path}/x.ark:3", "u1", lambda n: (0, n))
    np.testing.assert_allclose(found, values, atol=spread * step)


def test_of_two_byte_rows_the_rest_may_be_missing(tmp_path):
    """Only the rows that are wanted are read; and of those, none may be missing."""
    data, values = FORMS["two bytes"]()
    size = 24 - 1 + 2 * COLUMNS * 5  # the header, and five rows
    (tmp_path / "x.ark").write_bytes(b"u1 " + data[:size])
    found = read_rows(f"{tmp_path}/x.ark:3", "u1", lambda n: (1, 5))
    np.testing.assert_allclose(found, values[1:5], atol=2e-6)
    with pytest.raises(UserError, match="x.ark:3: u1: cannot be read"):
        read_rows(f"{tmp_path}/x.ark:3", "u1", lambda n: (1, 6))


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_entry_is_named(tmp_path, form):
    data, _ = FORMS[form]()
    for lost in (1, 2, len(data) // 2, len(data) - 7, len(data) - 12):
        (tmp_path / "x.ark").write_bytes(b"u1 " + data[:-lost])
        for read in (lambda place: read_entry(place, "u1", MATRIX),
                     lambda place: read_rows(place, "u1", lambda n: (0, n))):  # fmt: skip
            with pytest.raises(UserError, match="x.ark:3: u1: cannot be read .*cut or moved"):
                read(f"{tmp_path}/x.ark:3")


def test_a_kind_that_is_not_wanted_is_not_read(tmp_path):
    data, _ = FORMS["float"]()
    sound = (16000, np.arange(30, dtype=np.int16))
    kaldiio.save_ark(f"{tmp_path}/s.ark", {"u1": sound})
    (tmp_path / "x.ark").write_bytes(b"u1 " + data)
    for name, kinds in (("x", SOUND), ("s", MATRIX)):
        with pytest.raises(UserError, match=f"{name}.ark:3: u1: cannot be read .no entry of the"):
            read_entry(f"{tmp_path}/{name}.ark:3", "u1", kinds)
    with pytest.raises(UserError, match="no entry of the wanted kind"):
        read_rows(f"{tmp_path}/s.ark:3", "u1", lambda n: (0, n))
    rate, samples = read_entry(f"{tmp_path}/s.ark:3", "u1", SOUND)
    assert rate == 16000
    assert samples.tolist() == list(range(30))


@pytest.mark.parametrize("place", ["{}", "{}:", "{}:-3", "{}:3x", ":3", "3", "{}:1.0"])
def test_a_place_without_an_offset_is_refused(tmp_path, place):
    data, _ = FORMS["float"]()
    (tmp_path / "x.ark").write_bytes(b"u1 " + data)
    with pytest.raises(UserError, match="u1: wanted `path:offset` of an archive"):
        read_entry(place.format(tmp_path / "x.ark"), "u1", MATRIX)


def test_an_archive_that_is_not_there_asks_for_its_stage(tmp_path):
    with pytest.raises(UserError, match="none.ark:3: u1: no such archive; run the stage"):
        read_rows(f"{tmp_path}/none.ark:3", "u1", lambda n: (0, n))
    with pytest.raises(UserError, match=f"{tmp_path}:3: u1: cannot be read"):
        read_rows(f"{tmp_path}:3", "u1", lambda n: (0, n))
