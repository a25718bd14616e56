"""steps/report.py: each option reaches what it is for; pages themselves have tests of their own."""

import pytest
from plain_results import call

from antispoof.report import (
    all_pairs,
    collect,
    comparisons,
    curvature,
    figures,
    localisation,
    page,
    sections,
)

REPORT = "steps/report.py"
PARTS = {
    sections: ("calibration", "costs", "counts"),
    figures: ("read_scored", "score_pictures", "interval_pictures", "training_pictures"),
}


@pytest.fixture
def asked(monkeypatch):
    """{function: its arguments}; each function returns its own name."""
    seen = {}

    def stand_in(module, name, found):
        def function(*arguments):
            seen[name] = arguments
            return found

        monkeypatch.setattr(module, name, function)

    stand_in(collect, "read_runs", ["run a", "run b"])
    stand_in(collect, "left_out", ["exp/b: is left out"])
    stand_in(comparisons, "comparisons", "the comparisons")
    stand_in(sections, "order", ("the order", "its picture"))
    stand_in(page, "page", "the page")
    stand_in(all_pairs, "all_pairs", "the pairs")
    stand_in(curvature, "diagnostics", ("the diagnostics", ["their picture"]))
    stand_in(localisation, "localisation", "where")
    for module, names in PARTS.items():
        for name in names:
            stand_in(module, name, {name: [1, 2, 3]} if name == "score_pictures" else [name])
    return seen


def test_each_option_reaches_what_it_is_for(asked, tmp_path, capsys):
    options = ("--set", "progress", "--data", "sets", "--rank", "r.json", "--out", "deep/page.html")
    compare = ("--compare", "a.json b.json", "--compare", "c.json")
    call(REPORT, *options, *compare, "exp/a", "exp/b", cwd=tmp_path)
    runs, scored = ["run a", "run b"], ["read_scored"]
    *shown, drawn, tables = asked.pop("page")
    assert list(map(str, shown)) == [str(runs), "progress", "sets"]
    assert {name: list(map(str, found)) for name, found in asked.items()} == {
        "read_runs": ["[PosixPath('exp/a'), PosixPath('exp/b')]", "progress"],
        "left_out": ["[PosixPath('exp/a'), PosixPath('exp/b')]", str(runs), "progress"],
        "read_scored": [str(runs), "sets", "progress"],
        "score_pictures": [str(runs), str(scored)],
        "interval_pictures": [str(runs)],
        "training_pictures": [str(runs)],
        "calibration": [str(runs), str(scored)],
        "costs": [str(runs)],
        "counts": [str(runs)],
        "comparisons": ["['a.json', 'b.json', 'c.json']"],
        "order": ["r.json"],
        "all_pairs": [str(runs), str(scored)],
        "diagnostics": [str(runs)],
        "localisation": [str(runs), "progress"],
    }
    assert drawn == {
        "score_pictures": [1, 2, 3],
        "interval": ["interval_pictures"],
        "training": ["training_pictures"],
        "diagnostics": ["their picture"],
        "tracing": [],
        "order": ["its picture"],
    }
    assert tables == {
        "calibration": ["calibration"],
        "comparisons": "the comparisons",
        "pairs": "the pairs",
        "costs": ["costs"],
        "diagnostics": "the diagnostics",
        "counts": ["counts"],
        "localisation": "where",
        "order": "the order",
        "tracing": "",
    }
    assert (tmp_path / "deep/page.html").read_text() == "the page"
    said = "deep/page.html: 2 runs, 7 pictures\n"
    assert capsys.readouterr() == (said, "steps/report.py: warning: exp/b: is left out\n")


def test_without_options_the_set_is_eval_and_nothing_is_compared(asked, tmp_path, capsys):
    call(REPORT, "exp/a", cwd=tmp_path)
    runs, name, data, drawn, tables = asked["page"]
    assert (runs, name, str(data)) == (["run a", "run b"], "eval", "data")
    assert asked["read_runs"][1] == asked["read_scored"][2] == "eval"
    assert asked["comparisons"] == ([],)
    assert "order" not in asked
    assert (drawn["order"], tables["order"]) == ([], "")
    assert (tmp_path / "exp/report.html").read_text() == "the page"
    assert capsys.readouterr().out == "exp/report.html: 2 runs, 6 pictures\n"
