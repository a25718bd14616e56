"""Pages of results: what is published stands apart from what was run here."""

import re

import pytest
from made_up import ROOT

COLUMNS = ("published", "source", "ours", "command")
PAGES = sorted(p for p in ROOT.glob("egs/*/RESULTS.md") if p.parent.name != "mini")
OURS = re.compile(r".*\bnot run\b|.*\d ± \d")  # or a mean with its spread over seeds


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_each_row_has_published_source_ours_and_command(path):
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("|")]
    rows = [[word.strip() for word in line.strip("|").split(" | ")] for line in lines]
    places = [
        next(n for n, word in enumerate(rows[0]) if word.startswith(column)) for column in COLUMNS
    ]
    assert places == sorted(places)
    for row in rows[2:]:
        assert len(row) == len(rows[0]), row
        published, source, ours, command = (row[place] for place in places)
        assert published and source
        assert OURS.match(ours) and ours not in published, row
        assert "./run.sh " in command or "](" in command or command == "the same"
