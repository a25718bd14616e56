"""The pieces of the page: what they escape, how wide they are, and where their tags stand."""

import re

from made_up import ROOT

from antispoof.report.html import grid, piece, table


def test_what_is_no_piece_is_escaped_wherever_it_stands():
    bad, good = "<i>&\"'", "&lt;i&gt;&amp;&#34;&#39;"
    text = table([bad, bad], [[bad, bad], [bad, piece("cell", bad, [bad], strong=True)]], bad)
    assert bad not in text
    assert text.count(good) == 8
    assert f"<td><strong>{good}</strong><small>{good}</small></td>" in text
    pictures = grid([bad, piece("picture", "data:", f'" onload="{bad}')])
    assert pictures.startswith(f'<div class="grid">{good}<figure>')
    assert f'alt="&#34; onload=&#34;{good}"' in pictures


def test_only_templates_hold_tags_of_the_page():
    def tags(ending):
        for path in (ROOT / "antispoof/report").glob(f"*.{ending}"):
            yield from re.findall(r"</?(\w+)[ >]", path.read_text("utf-8"))

    used = set(tags("html"))
    assert {"table", "td", "li", "small", "section", "img"} <= used
    assert used & set(tags("py")) == {"style"}  # within a picture


def test_more_than_five_columns_take_the_whole_width():
    for columns in (2, 5, 6, 9):
        text = table(["x"] * columns, [["y"] * columns], "a caption")
        assert ('class="table wide"' in text) == (columns > 5)
        assert ('class="table"' in text) == (columns <= 5)
        assert text.count("<td>") == columns - 1
    assert grid(["a", "b"]) == '<div class="grid">ab</div>'
    assert grid([]) == ""
