"""Names in the picture of a matrix."""

import pytest

from antispoof.report.matrix import broken


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("mini/eval", ["mini", "eval"]),
        ("mini/wavlm_cnn_3s_corrupted", ["mini", "wavlm_cnn_3s_", "corrupted"]),
        ("abcdefghijklmnopqrs", ["abcdefghijklmnop", "qrs"]),
    ],
)
def test_a_name_is_broken_behind_an_underscore_where_it_has_one(name, lines):
    assert broken(name, 16).split("\n") == lines
