"""Pictures as they are written: whole SVG, colours for light and dark, the reader's own font."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import pages
import pytest

from antispoof.report import plots

shown = pages.shown
GROUNDS = {"light": "#ffffff", "dark": "#1f2123"}  # of a card in page.css


@pytest.fixture(scope="module")
def svg():
    """A picture of eight lines in the colours of systems, and one faint."""
    return eight()


@plots.styled
def eight():
    figure, axes = plots.new_figure(3.0)
    for index, colour in enumerate(plots.SERIES):
        axes.plot([0, 1], [0, index + 1], color=colour, label=f"line {index} <&> é")
    axes.axvline(0.5, color=plots.FAINT)
    axes.set_title("a title")
    figure.legend()
    return plots.to_svg(figure)


def test_a_picture_is_one_svg_element_and_the_same_each_time(svg):
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert eight() == svg
    assert svg.startswith("<svg")
    assert "metadata" not in svg
    assert not re.search(r"\b20\d\d-\d\d-\d\d", svg)


def test_text_stays_text_in_the_font_of_the_reader(svg):
    words = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    assert "a title" in words
    assert "line 7 <&> é" in words
    assert "DejaVu" not in svg
    families = re.findall(r"<text[^>]*font-family: ([^;\"]*)", svg)
    assert set(families) == {"system-ui, sans-serif"}


def test_every_line_has_the_colour_of_its_place(svg):
    strokes = [s for s in re.findall(r"stroke: var\(--(\w+)\)", svg) if re.fullmatch(r"s\d", s)]
    assert list(dict.fromkeys(strokes)) == [f"s{index}" for index in range(8)]
    assert "stroke: var(--faint)" in svg
    assert "var(--ink)" in svg


def colours(svg):
    """{light or dark: {name: colour}} of a picture's own style."""
    (css,) = re.findall(r"<style>(:root.*?)</style>", svg)
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    return {
        mode: dict(re.findall(r"--(\w+): (#\w+);", text))
        for mode, text in (("light", light), ("dark", dark))
    }


def luminance(colour):
    """Relative luminance of sRGB as WCAG 2 has it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    high, low = sorted([luminance(first), luminance(second)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", GROUNDS)
def test_lines_and_letters_stand_out_from_the_card(svg, mode, root):
    assert f"--card: {GROUNDS[mode].replace('#ffffff', '#fff')};" in css_of(root)
    own = colours(svg)[mode]
    assert set(own) == {"ink", "faint", *(f"s{index}" for index in range(8))}
    assert contrast(own["ink"], GROUNDS[mode]) > 7
    assert all(contrast(own[f"s{n}"], GROUNDS[mode]) > 3 for n in range(8))  # WCAG 1.4.11
    assert contrast(own["faint"], GROUNDS[mode]) < 3
    assert len(set(own.values())) == len(own)


def css_of(root):
    return (root / "antispoof/report/page.css").read_text()


def test_a_picture_has_no_ground_of_its_own(svg):
    patches = re.findall(r'<g id="patch_[12]">\s*<path [^>]*style="([^"]*)"', svg)
    assert patches
    assert all("fill: none" in style or "opacity: 0" in style for style in patches)


def test_drawing_leaves_the_style_of_others_alone():
    before = dict(matplotlib.rcParams)
    eight()
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.rcParams["axes.grid"] is False


def test_pictures_are_as_wide_as_a_phone_shows_them(shown):
    for figure, options in shown.drawn:
        assert figure.get_size_inches()[0] == 4.6
        assert options == {"format": "svg", "transparent": True, "metadata": {"Date": None}}
        for axes in figure.axes:
            assert not axes.spines["top"].get_visible()
            assert axes.xaxis.get_gridlines()[0].get_visible()
