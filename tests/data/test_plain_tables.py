"""Tables line by line: a plain reader of ten lines, on every small text, and each error's line."""

import itertools

import pytest

from antispoof.data.tables import read_table, require_same_keys, write_table
from antispoof.errors import UserError


def plain_read(text):
    """The table of a text, or the number of the first line that is wrong; 0: it is empty."""
    lines, table, last = text.split("\n"), {}, None
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        key, _, value = line.partition(" ")
        if key == "" or value == "" or value != value.strip() or set(line) & set("\t\r"):
            return number
        if key in table or (last is not None and key < last):
            return number
        table[key], last = value, key
    return (table if text.endswith("\n") else len(lines)) if table else 0


LINES = ["a 1", "b 2", "b 3", "B 4", "c", "", " d 1", "e  1", "f 1 ", "g 1 2", "h\t1", "é 1"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_small_text_is_read_or_refused_at_its_line(tmp_path, count):
    path = tmp_path / "t"
    some = LINES if count < 3 else LINES[:6]
    for lines in itertools.product(some, repeat=count):
        for end in ("\n", "") if count < 3 else ("\n",):
            text = "\n".join(lines) + end
            wanted = plain_read(text)
            path.write_bytes(text.encode())
            if isinstance(wanted, dict):
                assert list(read_table(path).items()) == list(wanted.items()), text
                continue
            with pytest.raises(UserError) as caught:
                read_table(path)
            place = f"{path}:{wanted}: " if wanted else f"{path}: is empty"
            assert str(caught.value).startswith(place), text


@pytest.mark.parametrize(("text", "words"), [
    ("a 1\nb 1\nb 1\n", "t:3: 'b' stands here a second time"),
    ("a 1\nc 1\nb 1\na 2\n", "t:3: 'b' after 'c' is out of order"),
    ("b 1\na 1\nb 2\n", "t:2: 'a' after 'b'"),
    ("a 1\nb 1\nc\r\n", r"t:3: found 'c\\r', wanted"),
    ("a 1\nb \xa0x\n", "t:2: found"),
])  # fmt: skip
def test_the_first_fault_is_named(tmp_path, text, words):
    (tmp_path / "t").write_bytes(text.encode())
    with pytest.raises(UserError, match=words):
        read_table(tmp_path / "t")


def test_keys_are_in_the_order_of_their_bytes(tmp_path):
    """Not of a language, nor of UTF-16: capitals, small letters, then by code point."""
    keys = ["Z", "a", "a-", "a-b", "aA", "aa", "b", "z", "Ä", "ä", "\uffee", "\U0001f600"]
    write_table(tmp_path / "t", {key: n for n, key in enumerate(reversed(keys))})
    assert (tmp_path / "t").read_bytes().decode().split("\n") == [
        *(f"{key} {len(keys) - 1 - n}" for n, key in enumerate(keys)), "",
    ]  # fmt: skip
    assert list(read_table(tmp_path / "t")) == keys


@pytest.mark.parametrize(("key", "value"), [
    ("a", ""), ("a", "1 "), ("a", "1\t2"), ("a", "1\r"), ("a\t", "1"), ("", "1"), ("a", "1\nb 2"),
    ("a\nb", "1"), ("a", " "),
])  # fmt: skip
def test_an_entry_that_would_not_read_back_is_refused_and_the_old_table_stays(tmp_path, key, value):
    write_table(tmp_path / "t", {"x": "old"})
    with pytest.raises(UserError, match="t: found "):
        write_table(tmp_path / "t", {"0": "fine", key: value, "z": "fine"})
    assert (tmp_path / "t").read_text() == "x old\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_values_are_written_as_text_and_may_hold_blanks(tmp_path):
    write_table(tmp_path / "t", {"b": 3, "a": "x  y z", "c": 0.5})
    assert read_table(tmp_path / "t") == {"a": "x  y z", "b": "3", "c": "0.5"}


@pytest.mark.parametrize(("one", "other", "words"), [
    ("abc", "a", r"two: 'b' is missing, though one has it \(2 missing and 0 extra in two\)"),
    ("a", "abc", r"one: 'b' is missing, though two has it \(0 missing and 2 extra in two\)"),
    ("abd", "acef", r"two: 'b' is missing, though one has it \(2 missing and 3 extra in two\)"),
])  # fmt: skip
def test_the_first_key_that_differs_is_named_and_all_are_counted(one, other, words):
    with pytest.raises(UserError, match=words):
        require_same_keys(dict.fromkeys(one), dict.fromkeys(other), "one", "two")


def test_order_and_values_may_differ():
    require_same_keys({"a": 1, "b": 2}, {"b": 5, "a": None}, "one", "two")
    require_same_keys({}, {}, "one", "two")
