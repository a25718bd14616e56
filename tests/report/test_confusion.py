"""The picture of source tracing: each cell is its share of the row, the mean over seeds."""

import re

from antispoof.report.confusion import picture


def result(closed, joint, unknown=4):
    known = sum(map(sum, closed))
    return {
        "classes": ["A01", "A02"],
        "counts": {"known": known, "unknown": unknown},
        "closed": {"confusion": closed},
        "open": {"nsd": {"confusion": joint}, "msp": {"confusion": joint[::-1]}},
    }


def words(svg):
    """What a picture writes, in order."""
    return re.findall(r">([^<>\n]+)</(?:text|tspan)>", svg)


ONE = result([[8, 2], [0, 10]], [[7, 1, 2], [0, 9, 1], [3, 0, 1]])
TWO = result([[6, 4], [0, 10]], [[5, 3, 2], [0, 9, 1], [1, 0, 3]])


def test_cells_are_percents_of_rows_over_seeds_and_rows_tell_their_trials():
    found = words(picture([ONE, TWO]))
    cells = [word for word in found if re.fullmatch(r"\d+|·", word)]
    assert " ".join(cells) == "10 10 70 30 · 100 10 10 4 60 20 20 · 90 10 50 · 50"
    assert found.count("A01") == found.count("A02") == 4  # a row and a column of each panel
    assert "with unknown sources: threshold of nsd from dev" in found


def test_the_score_that_is_asked_for_is_shown_and_no_panel_without_unknown_sources():
    assert "threshold of msp" in " ".join(words(picture([ONE], "msp")))
    alone = words(picture([result([[8, 2], [0, 10]], [], unknown=0)]))
    assert "unknown" not in " ".join(alone)
    assert picture([ONE]) == picture([ONE])
