"""The page's comparisons: gaps, intervals and p under their headers, bold where 0 is outside."""

import json

import pages
import pytest
from made_up import ROOT
from page_experiments import ODD, comparisons

shown = pages.read

FORMS = {  # name, factor, digits, unit in the long table
    "eer": ("EER", 100, 2, " points"),
    "min_dcf": ("minDCF", 1, 4, ""),
    "act_dcf": ("actDCF", 1, 4, ""),
    "cllr": ("Cllr", 1, 4, " bits"),
}
SUMMARIES = [  # files, metrics that all have, what is redrawn, caption
    (
        *(("a", "b"), ("eer", "min_dcf", "act_dcf"), ("mixed", "speaker")),
        "eval, 3 seeds: below 0, the first is better; 95 % intervals and p over other speakers "
        "and seeds",
    ),
    (
        *(("c",), ("eer", "cllr"), ("trials", "iid")),
        "eval known: below 0, the first is better; 95 % intervals and p over other trials",
    ),
]


def texts(metric, own, drawn):
    """Gap, interval and p as they are to be read."""
    _, factor, digits, _ = FORMS[metric]
    gap, low, high = (factor * x for x in (own["difference"], *drawn["interval"]))
    return [f"{gap:+.{digits}f}", f"{low:+.{digits}f} to {high:+.{digits}f}", f"{drawn['p']:.3g}"]


@pytest.mark.parametrize(("files", "metrics", "kind", "caption"), SUMMARIES)
def test_a_row_is_a_pair_and_its_cells_stand_under_their_metric(
    shown, files, metrics, kind, caption
):
    (table,) = (own for own in shown.page["comparisons"].tables if own.caption == caption)
    units = {name: f"{FORMS[name][0]}{', points' * (name == 'eer')}" for name in metrics}
    assert table.header == ["difference", *(t for name in metrics for t in (units[name], "p"))]
    assert len(table.rows) == len(files)
    for file, row in zip(files, table.rows, strict=True):
        found = comparisons()[file]
        assert row[0].text == " − ".join(found["systems"])
        for index, name in enumerate(metrics):
            drawn = found["metrics"][name][kind[0]][kind[1]]
            gap, p = row[1 + 2 * index], row[2 + 2 * index]
            assert [gap.text, *gap.small, p.words] == texts(name, found["metrics"][name], drawn)
            low, high = drawn["interval"]
            assert gap.bold == ("" if low <= 0 <= high else gap.text)
            assert not p.bold


def test_bold_is_below_as_above_zero_and_not_where_an_end_is_zero(shown):
    bold = [
        [bool(cell.bold) for cell in row[1::2]]
        for table in shown.page["comparisons"].tables
        if table.header[0] == "difference"
        for row in table.rows
    ]
    assert bold == [[False, True, True], [False, True, True], [False, True]]


@pytest.mark.parametrize("file", ["a", "b", "c"])
def test_every_way_to_draw_stands_in_the_long_table(shown, file):
    found = comparisons()[file]
    name = " − ".join(found["systems"])
    (table,) = (own for own in shown.page["comparisons"].tables if own.caption == name)
    assert table.header == ["drawn again", "difference", "95 % interval", "p"]
    words = {"iid": "trials", "speaker": "speakers", "attack": "attacks"}
    wanted = []
    for metric, (title, *_, unit) in FORMS.items():
        own = found["metrics"].get(metric, {})
        for key, seeds in (("trials", ""), ("mixed", " and seeds")):
            for kind in (kind for kind in words if kind in own.get(key, {})):
                gap, *rest = texts(metric, own, own[key][kind])
                label = f"{title}: {words[kind]}{seeds} | {found['units'][kind]}"
                wanted.append([label, gap + unit, *rest])
    assert [[cell.words for cell in row] for row in table.rows] == wanted


def test_sentences_of_all_pairs_follow_with_their_names_escaped(shown):
    wanted = [line for found in comparisons().values() for line in found["sentences"]]
    assert shown.page["comparisons"].texts["li"] == wanted
    assert any("<and>" in line and ODD in line for line in wanted)


def test_what_is_folded_away_has_a_summary(shown):
    texts = shown.page["comparisons"].texts["summary"]
    assert len(texts) == len({table.caption.split(":")[0] for table in first_tables(shown)})
    assert set(texts) == {"Every way to draw again, and what each comparison allows to say"}


def first_tables(shown):
    """The tables of all pairs on the same trials."""
    tables = shown.page["comparisons"].tables
    return [table for table in tables if table.header[0] == "difference"]


def read(tmp_path, *files):
    from antispoof.report.comparisons import comparisons as html

    for number, found in enumerate(files):
        (tmp_path / f"{number}.json").write_text(json.dumps(found))
    return html([tmp_path / f"{number}.json" for number in range(len(files))])


def test_sets_stand_in_order_and_all_trials_before_their_lists(tmp_path):
    found = comparisons()["c"]
    files = [{**found, "set": s, "trials": t} for s, t in (("b", "x"), ("b", None), ("a", "y"))]
    text = read(tmp_path, *files)
    places = [text.index(f"{name}: below") for name in ("a y", "b", "b x")]
    assert places == sorted(places)


def test_speakers_are_drawn_only_where_every_pair_has_them(tmp_path):
    a, c = comparisons()["a"], comparisons()["c"]
    text = read(tmp_path, a, {**c, "trials": None})
    assert "p over other trials and seeds" in text
    assert "<td>0.0241</td>" in text.partition("<details>")[0]  # not the 0.0917 of speakers
    assert "0.0917" not in text.partition("<details>")[0]


def test_pairs_without_a_metric_in_common_are_still_shown(tmp_path):
    found = comparisons()["c"]
    alone = [{**found, "metrics": {name: found["metrics"][name]}} for name in ("eer", "cllr")]
    first, *_ = pages.Page(read(tmp_path, *alone))[""].tables
    assert first.header == ["difference", "EER, points", "p", "Cllr", "p"]
    eer, cllr = ["+0.71 | +0.00 to +1.42", "0.0699"], ["+0.3000 | +0.1000 to +0.4000", "0.001"]
    rows = [[cell.words for cell in row[1:]] for row in first.rows]
    assert rows == [[*eer, "-", "-"], ["-", "-", *cllr]]


def test_a_file_that_lacks_something_is_refused_by_its_name(tmp_path):
    from antispoof.errors import UserError

    found = comparisons()["c"]
    for key in ("systems", "seeds", "set", "trials", "metrics", "sentences", "units", "counts"):
        with pytest.raises(UserError, match=f"0.json: lacks '{key}'"):
            read(tmp_path, {name: own for name, own in found.items() if name != key})
    (tmp_path / "0.json").write_text("{")
    from antispoof.report.comparisons import comparisons as html

    with pytest.raises(UserError, match="0.json: is not JSON .*run steps/compare.py again"):
        html([tmp_path / "0.json"])
    assert (ROOT / "steps/compare.py").is_file()
