"""The page's tables of EER by attack, codec and both: numbers, counts, marks, and how hot."""

import re
import statistics

import pages
import pytest
from page_experiments import ATTACKS, CODECS, ODD, RUNS, SYSTEMS, result

shown = pages.read

BY_ATTACK = "EER %: all bona fide trials against those of an attack; stronger colour = harder"
BY_CODEC = "EER % by codec, and how many bona fide / spoof trials there are"
LISTS = {"A01": "known unknown", "A17": "known unknown", "A<2>": "unknown"}


def cells_of(system, factor, level):
    """The cells of its seeds over all trials."""
    found = [result(*run, "all")["by"][factor] for run in RUNS if run[0] == system]
    return [levels[level] for levels in found if level in levels]


def spread(cells):
    """As read: the mean in per cent, and the sample deviation of several."""
    eers = [100 * cell["eer"] for cell in cells if cell["eer"] is not None]
    below = [f"± {statistics.stdev(eers):.2f}"] if len(eers) > 1 else []
    return [f"{statistics.mean(eers):.2f}", *below]


def heat_of(cells):
    """0 at an EER of 0, 100 from chance (an EER of one half) on, and even between."""
    eers = [cell["eer"] for cell in cells if cell["eer"] is not None]
    return min(100, 200 * statistics.mean(eers))


def counts(cells):
    """`bona fide / spoof`; where runs differ, every number that there is."""
    numbers = [sorted({cell[key] for cell in cells}) for key in ("n_bonafide", "n_spoof")]
    return " / ".join("/".join(map(str, own)) for own in numbers)


def named(shown, caption):
    (table,) = (own for own in shown.page["attacks"].tables if own.caption == caption)
    return table


@pytest.mark.parametrize("place", range(4))
def test_every_attack_has_its_eer_its_lists_and_its_trials(shown, place):
    table = named(shown, BY_ATTACK)
    assert table.header == ["attack", *SYSTEMS]
    headings = ["A01 | known unknown 9/41, few", "A17 | known unknown 17, few"]
    headings.append("A<2> | unknown 1052")
    assert list(table.words()) == headings
    for row in table.rows:
        cells = cells_of(SYSTEMS[place], "attack", row[0].text.strip())
        cell = row[1 + place]
        assert [cell.text, *cell.small] == spread(cells)  # a run without a figure is left out
        assert abs(cell.heat - heat_of(cells)) <= 0.5


def test_every_codec_has_its_eer_and_the_trials_of_both_classes(shown):
    table = named(shown, BY_CODEC)
    assert table.header == ["codec", *SYSTEMS]
    assert [row[0].words for row in table.rows] == ["gsm | 421 / 811", "n&a | 830 / 1333"]
    for row in table.rows:
        for system, cell in zip(SYSTEMS, row[1:], strict=True):
            cells = cells_of(system, "codec", row[0].text.strip())
            assert [cell.text, *cell.small] == spread(cells)
            assert abs(cell.heat - heat_of(cells)) <= 0.5


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_factors_make_a_table_of_each_system(shown, system):
    table = named(shown, f"{system}: EER % by attack and codec, trials below")
    assert table.header == ["attack", *CODECS]
    assert [row[0].words for row in table.rows] == sorted(ATTACKS)
    for row in table.rows:
        for codec, cell in zip(CODECS, row[1:], strict=True):
            cells = cells_of(system, "attack*codec", f"{row[0].text}*{codec}")
            if not cells:
                assert (cell.words, cell.heat) == ("-", None)
                continue
            few = "*" if any(own["few"] for own in cells) else ""
            assert [cell.text, *cell.small] == [*spread(cells), counts(cells) + few]
            assert abs(cell.heat - heat_of(cells)) <= 0.5
    marked = {row[0].text for row in table.rows for cell in row[1:] if "*" in cell.words}
    assert marked == ({"A17"} if system == "alpha" else set())


def test_tables_stand_in_order_and_three_factors_have_none(shown):
    captions = [table.caption for table in shown.page["attacks"].tables]
    both = [f"{system}: EER % by attack and codec, trials below" for system in SYSTEMS]
    assert captions == [BY_ATTACK, BY_CODEC, *both]


def test_what_is_hotter_is_harder(shown):
    cells = [
        (float(cell.text), cell.heat)
        for table in shown.page["attacks"].tables
        for row in table.rows
        for cell in row[1:]
        if cell.heat is not None
    ]
    assert len(cells) > 30
    assert [heat for _, heat in sorted(cells)] == sorted(heat for _, heat in cells)
    assert {heat for value, heat in cells if value > 50} == {100}
    assert max(heat for value, heat in cells if value < 45) < 95


def test_a_cell_without_a_figure_has_no_colour(shown):
    from antispoof.report.heat import _heat

    none = {"n_bonafide": 0, "n_spoof": 12, "few": True, "eer": None}
    assert _heat([none]) == "<td>-</td>"
    assert _heat([none], counts=True) == "<td>-<small>0 / 12*</small></td>"
    assert _heat([]) == "<td>-</td>"
    assert _heat([{**none, "eer": 0.0}]) == '<td class="heat" style="--heat:0%">0.00</td>'


def test_the_colour_grows_with_the_heat_and_from_the_card(root):
    css = (root / "antispoof/report/page.css").read_text()
    rule = "td.heat { background: color-mix(in srgb, var(--hot) var(--heat), var(--card)); }"
    assert rule in css


def luminance(colour):
    """Of WCAG 2: #rgb or #rrggbb to 0..1."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_small_print_is_readable_in_the_hottest_cell(root, scheme):
    css = (root / "antispoof/report/page.css").read_text()
    ink, hot = (re.findall(rf"--{name}: (#\w+);", css)[scheme] for name in ("ink", "hot"))
    low, high = sorted(map(luminance, (ink, hot)))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2, level AA
    (small,) = re.findall(r"td\.heat small {(.*?)}", css)
    assert small.strip() == "color: inherit;"


def test_the_odd_name_breaks_at_an_underline_alone(shown):
    assert f'<th scope="col">{"b_<wbr>&lt;i&gt;&amp;&#34;&#39;é"}</th>' in shown.text
    assert ODD not in shown.text
