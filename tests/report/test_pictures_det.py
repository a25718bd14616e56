"""DET curves of the page: what is across and what is up, the marks in per cent, the legend."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pages
import pytest
from page_experiments import ODD
from pages import trials
from plain_metrics import plain_curve

shown = pages.shown
PROBIT = NormalDist().inv_cdf
SCORED = {"alpha": (2, 10), ODD: (1, 2)}


def plain_det(bonafide, spoof, edge):
    """(false acceptance, miss) on the scale of normal deviates, kept within the edge."""
    frr, far, _ = plain_curve(bonafide, spoof)

    def deviate(rate):
        low, high = edge - 1, -edge + 1
        return low if rate == 0 else high if rate == 1 else min(max(PROBIT(rate), low), high)

    return list(map(deviate, far)), list(map(deviate, frr))


@pytest.mark.parametrize("place", range(3))
def test_a_det_curve_is_false_acceptance_across_and_misses_up(shown, place):
    condition = ("known", "unknown", "all")[place]
    (axes,) = shown.figures("det")[place].axes
    sizes = [len(part) for part in trials(shown, "alpha", 2, condition=condition)]
    assert sizes[0] != sizes[1]
    assert axes.get_title() == f"{condition}: {sizes[0]} bona fide, {sizes[1]} spoof"
    assert axes.get_xlabel() == "spoof accepted, %"
    assert axes.get_ylabel() == "bona fide rejected, %"
    edge = PROBIT(min(max(0.5 / min(sizes), 0.0005), 0.02))
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    wanted = [(system, seed) for system, seeds in SCORED.items() for seed in seeds]
    assert len(curves) == len(wanted)
    for line, (system, seed) in zip(curves, wanted, strict=True):
        x, y = plain_det(*trials(shown, system, seed, condition=condition), edge)
        np.testing.assert_allclose(line.get_xdata(), x, atol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), y, atol=1e-9)
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[0] == pytest.approx(edge)
    assert axes.get_xscale() == axes.get_yscale() == "linear"
    assert axes.get_aspect() == 1


def test_a_det_axis_is_marked_in_per_cent_where_the_deviates_are(shown):
    for figure in shown.figures("det"):
        (axes,) = figure.axes
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            places = axis.get_ticklocs()
            assert len(labels) >= 4
            wanted = [PROBIT(float(text) / 100) for text in labels]
            np.testing.assert_allclose(places, wanted, atol=1e-9)
            low, high = axes.get_xlim()
            assert low <= min(places) < max(places) <= high


def test_a_system_has_one_entry_in_the_legend_one_colour_and_its_own_line(shown):
    (axes,) = shown.figures("det")[2].axes
    entries = [text.get_text() for text in axes.get_legend().get_texts()]
    assert entries == list(SCORED)
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    looks = [(line.get_color(), line.get_linestyle()) for line in curves]
    assert looks[0] == looks[1]
    assert looks[2] == looks[3]
    assert looks[0][0] != looks[2][0]
    assert looks[0][1] != looks[2][1]  # colours alone do not reach everyone
    handles = [handle.get_color() for handle in axes.get_legend().legend_handles]
    assert handles == [looks[0][0], looks[2][0]]


def test_the_seeds_of_a_system_differ_in_the_width_of_their_lines(shown):
    (axes,) = shown.figures("det")[2].axes
    widths = [line.get_linewidth() for line in axes.lines if len(line.get_xdata()) > 2]
    assert widths[:2] == widths[2:]
    assert widths[0] > widths[1] > 0.5
    own = det_of({"x": [normal(30, 1, seed) for seed in range(4)]}).lines[:4]
    assert own[0].get_linewidth() > own[1].get_linewidth() > own[2].get_linewidth() > 0.5
    assert own[2].get_linewidth() == own[3].get_linewidth()


def test_a_dotted_diagonal_marks_equal_error_rates(shown):
    for figure in shown.figures("det"):
        (axes,) = figure.axes
        (line,) = (line for line in axes.lines if len(line.get_xdata()) == 2)
        assert list(line.get_xdata()) == list(line.get_ydata()) == list(axes.get_xlim())
        assert line.get_linestyle() == ":"


def test_a_poor_system_is_drawn_whole():
    from antispoof.report import plots

    rng = np.random.default_rng(1)
    for gap, highest in ((3.0, 0.65), (-2.0, 0.95)):
        own = rng.normal(gap, 1, 200), rng.normal(0, 1, 250)
        with pages.figures() as drawn:
            plots.det({"x": [own]}, "x")
        high = drawn[0][0].axes[0].get_xlim()[1]
        if gap > 0:  # the curve is in the corner; the axes end a little above one half
            assert PROBIT(0.6) <= high < PROBIT(highest)
        else:  # the curve's own corner, where both rates are equal, is within
            x, y = plain_det(*own, -8)
            corner = min(max(pair) for pair in zip(x, y, strict=True))
            assert high == pytest.approx(min(corner + 0.3, PROBIT(highest)))
            assert high > PROBIT(0.6)


def test_a_long_curve_keeps_its_ends_and_its_shape():
    from antispoof.report import plots

    rng = np.random.default_rng(2)
    bonafide, spoof = rng.normal(1, 1, 2000), rng.normal(-1, 1, 3000)
    edge = PROBIT(0.0005)
    x, y = plots._normal_deviates(bonafide, spoof, edge)
    wanted = list(zip(*plain_det(list(bonafide), list(spoof), edge), strict=True))
    kept = list(zip(x.tolist(), y.tolist(), strict=True))
    assert 300 < len(kept) <= 600
    pairs = {(round(a, 9), round(b, 9)) for a, b in wanted}
    assert {(round(a, 9), round(b, 9)) for a, b in kept} <= pairs
    np.testing.assert_allclose(kept[0], wanted[0])
    np.testing.assert_allclose(kept[-1], wanted[-1])
    length, places, start = [0.0], [], 0
    for pair in itertools.pairwise(wanted):
        length.append(length[-1] + math.dist(*pair))
    for point in kept:
        start = next(n for n in range(start, len(wanted)) if math.dist(point, wanted[n]) < 1e-9)
        places.append(start)
    for one, other in itertools.pairwise(places):  # evenly spread along the curve
        assert length[other - 1] - length[one] <= length[-1] / 599 + 1e-9


def test_a_curve_of_few_points_keeps_them_all():
    from antispoof.report import plots

    rng = np.random.default_rng(3)
    for spoof, points in ((349, 600), (350, 599)):  # one for each trial, and one before the first
        x, _ = plots._normal_deviates(rng.normal(1, 1, 250), rng.normal(0, 1, spoof), PROBIT(0.002))
        assert x.size == 600 if points == 600 else x.size < 600


def det_of(curves):
    """The axes of a picture of {name: [(bona fide, spoof) of each run]}."""
    from antispoof.report import plots

    with pages.figures() as drawn:
        plots.det(curves, "x")
    return drawn[0][0].axes[0]


def normal(size, gap, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(gap, 1, size), rng.normal(0, 1, size + 50)


@pytest.mark.parametrize(("size", "edge"), [(20, 0.02), (40, 0.0125), (400, 0.00125), (2000, 5e-4)])
def test_the_axes_begin_at_half_an_error_and_their_marks_do_not_crowd(size, edge):
    axes = det_of({"x": [normal(2 * size, 3)], "y": [normal(size, 3)]})
    low, high = axes.get_xlim()
    assert low == pytest.approx(PROBIT(edge))
    wanted = []
    for percent in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80):
        far = not wanted or PROBIT(percent / 100) - PROBIT(wanted[-1] / 100) > 0.07 * (high - low)
        if low <= PROBIT(percent / 100) <= high and far:
            wanted.append(percent)
    assert [text.get_text() for text in axes.get_xticklabels()] == [f"{p:g}" for p in wanted]
    rare = [percent for percent in wanted if percent < 0.5]
    assert rare == {400: [0.2], 2000: [0.1]}.get(size, [])  # 0.2 would crowd 0.1


def test_the_poorest_system_sets_the_end_of_the_axes():
    poor, good = [normal(150, -1)], [normal(150, 3)]
    ends = [det_of(dict(own)).get_xlim()[1] for own in ((("a", poor), ("b", good)), [("a", poor)])]
    assert ends[0] == ends[1] > det_of({"b": good}).get_xlim()[1]


def test_twelve_systems_differ_in_colour_or_line():
    axes = det_of({f"system {n}": [normal(30, 1, n)] for n in range(12)})
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 12
    assert len({line.get_color() for line in curves}) == 8
