"""Tables are read whole or refused with file and line; what is written reads back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antispoof.data import tables
from antispoof.data.tables import (
    number_of,
    read_table,
    require_same_keys,
    write_columns,
    write_table,
)
from antispoof.errors import UserError

BAD = {
    "a 1\nb 2\na 3\n": "table:3: 'a' stands here a second time",
    "b 1\na 2\n": "table:2: 'a' after 'b' is out of order",
    "a 1\nB 2\n": "table:2: 'B' after 'a' is out of order",  # C order: capitals come first
    "a 1\nb\n": "table:2: found 'b', wanted `key value`",
    "a 1\n\nb 2\n": "table:2: found ''",
    "a  1\n": "table:1: found 'a  1'",
    "a 1 \n": "table:1: found 'a 1 '",
    " a 1\n": "table:1: found ' a 1'",
    "a\t1\n": "table:1: found",
    "a 1\r\n": "table:1: found",
    "": "table: is empty",
    "\ufeffa 1\n": "table: begins with a byte order mark, wanted none",
    "\ufeffb 1\na 2\n": "table: begins with a byte order mark, wanted none",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_table_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "table").write_bytes(text.encode())
    with pytest.raises(UserError) as caught:
        read_table(tmp_path / "table")
    assert BAD[text] in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["1_0", "٣", "0x1", "1,5", "one", ""])
def test_a_number_is_of_ascii_digits(text):
    with pytest.raises(ValueError):
        number_of(text)
    assert (number_of("-1.5e-3"), number_of("+07"), number_of("inf")) == (-0.0015, 7, math.inf)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "table").write_bytes(b"a 1\nb \xff\n")
    with pytest.raises(UserError, match="table:2: is not UTF-8"):
        read_table(tmp_path / "table")


def test_a_value_may_hold_blanks(tmp_path):
    (tmp_path / "table").write_text("a /a folder/ä b.flac\nb 2\n")
    assert read_table(tmp_path / "table") == {"a": "/a folder/ä b.flac", "b": "2"}


@pytest.mark.parametrize("like", [None, {"a": "1", "b": "1"}])
def test_a_table_that_was_cut_off_within_a_number_is_refused(tmp_path, like):
    (tmp_path / "table").write_text("a 1\nb 1.62869")
    with pytest.raises(UserError, match="table:2: does not end in a line feed; was it cut off"):
        read_table(tmp_path / "table", like)


@pytest.mark.parametrize(("key", "value"), [("a b", ""), ("", "1"), ("a", " 1"), ("a", "1\n2")])
def test_what_could_not_be_read_is_not_written(tmp_path, key, value):
    with pytest.raises(UserError):
        write_table(tmp_path / "table", {key: value})
    assert not list(tmp_path.iterdir())


WORD = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=5)


@given(st.dictionaries(WORD, WORD, min_size=1))
def test_what_is_written_reads_back_in_c_order(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("law") / "table"
    write_table(path, table)
    assert read_table(path) == table
    lines = path.read_bytes().splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)


def test_two_tables_must_hold_the_same_keys():
    require_same_keys({"a": 1, "b": 2}, {"b": 3, "a": 4}, "wav.scp", "utt2spk")
    with pytest.raises(UserError, match=r"utt2spk: 'b' is missing, though wav.scp has it \(1 miss"):
        require_same_keys({"a": 1, "b": 2}, {"a": 1}, "wav.scp", "utt2spk")
    with pytest.raises(UserError, match="wav.scp: 'c' is missing, though utt2spk has it"):
        require_same_keys({"a": 1}, {"a": 1, "c": 3}, "wav.scp", "utt2spk")


LINES = st.text("ab é\t\r\n", max_size=12)


@given(LINES)
def test_the_quick_reader_takes_what_the_careful_one_takes(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("pair") / "table"
    path.write_bytes(text.encode())
    try:
        wanted = tables._read_by_line(path)
    except UserError:
        wanted = None
    assert tables._read_sound(text.encode()) == wanted
    assert wanted is None or list(tables._read_sound(text.encode())) == list(wanted)


def test_tables_side_by_side_are_those_of_write_table_and_read_like_each_other(tmp_path):
    keys = ["a", "b-1", "ü"]
    columns = {"one": ["x", "x", "y z"], "two": ["1.5", "-", "x"]}
    write_columns(tmp_path / "fast", keys, columns)
    for name, values in columns.items():
        table = dict(zip(keys, values, strict=True))
        write_table(tmp_path / "slow" / name, table)
        assert (tmp_path / "fast" / name).read_bytes() == (tmp_path / "slow" / name).read_bytes()
        assert read_table(tmp_path / "fast" / name, like=dict.fromkeys(keys)) == table
    with pytest.raises(UserError, match="one blank between"):
        write_columns(tmp_path / "bad", keys, {"one": ["x", "", "y"]})
    with pytest.raises(UserError, match="a name without blank"):
        write_columns(tmp_path / "bad", ["a", "b c"], {"one": ["x", "y"]})
    with pytest.raises(ValueError, match="out of order, or there twice"):
        write_columns(tmp_path / "bad", ["a", "a"], {"one": ["x", "y"]})


@pytest.mark.parametrize(
    "text", ["a x\nb y\n", "a  x\nb y\n", "a x \nb y\n", "ax\nb y\n", "a x\n", "a x\nb y\nc z\n",
             "b y\na x\n", "a x\nb \n", "a x\nb y\n\n", "a x\nb \x01y\n", "ab x\nb y\n"]
)  # fmt: skip
def test_a_table_is_the_same_or_refused_alike_whatever_it_is_expected_to_be_like(tmp_path, text):
    path = tmp_path / "table"
    path.write_text(text)

    def read(**options):
        try:
            return read_table(path, **options)
        except UserError as error:
            return str(error)

    assert read(like={"a": 1, "b": 2}) == read()
