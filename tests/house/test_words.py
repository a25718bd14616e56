"""What users and contributors read is in plain words."""

import re

from tree import FILES, name, offenders

OLD = (
    r"(?i)\b(told|anew|whom|mend(s|ed|ing)?|hence|thrice|thereof|whence|dice|upon|lest|nought"
    r"|wants|beside)\b"
)
ROOMS = r"(antispoof|steps|utils|docs|conf|tools)/.*|[\w.]+\.(md|sh)"


def test_no_archaic_word_is_left():
    read = [path for path in FILES if re.fullmatch(ROOMS, name(path))]
    assert len(read) > 200
    assert offenders(read, OLD) == []


def test_sources_are_cited_by_name():
    assert offenders(FILES, r"(?i)\bdocument 00\d", but=("tests/house/test_words.py",)) == []
