"""Histograms and reliability diagrams of the page: every bin against a plain count."""

import bisect
import math

import numpy as np
import pages
import pytest
from page_experiments import ODD, folder
from pages import trials
from test_page_judging import plain_ece

shown = pages.shown
SCORED = {"alpha": (2, 10), ODD: (1, 2)}


def test_a_histogram_shows_the_density_of_each_list_of_the_first_seed(shown):
    figures = shown.figures("scores")
    assert len(figures) == 2
    for figure, (system, seeds) in zip(figures, SCORED.items(), strict=True):
        (axes,) = figure.axes
        assert axes.get_title() == folder(system, seeds[0])
        calibrated = system == "alpha"
        name = "llr/scores" if calibrated else "scores"
        bonafide, spoof = trials(shown, system, seeds[0], name)
        groups = {"bona fide": bonafide}
        for condition in ("known", "unknown"):
            groups[condition] = trials(shown, system, seeds[0], name, condition)[1]
        assert_densities(axes, groups)
        assert axes.get_ylabel() == "density"
        words = "LLR; dashed: accept from here on"
        assert axes.get_xlabel() == (words if calibrated else "score, higher = more bona fide")
        marks = [line.get_xdata()[0] for line in axes.lines]
        assert marks == pytest.approx([math.log(0.5 / 0.95)] if calibrated else [])
        assert len(spoof) == 23


def assert_densities(axes, groups):
    """Forty bins over the middle 99.6 % of all that is shown; the rest is in the end bins."""
    everything = sorted(x for own in groups.values() for x in own)
    low, high = np.quantile(everything, [0.002, 0.998])
    edges = [low + (high - low) * n / 40 for n in range(41)]
    outlines = [patch for patch in axes.patches if not patch.get_fill()]
    fills = [patch for patch in axes.patches if patch.get_fill()]
    labels = [f"{name} ({len(own)})" for name, own in groups.items()]
    assert [patch.get_label() for patch in outlines] == labels
    for outline, fill, own in zip(outlines, fills, groups.values(), strict=True):
        counts = [0] * 40
        for x in own:
            counts[min(max(bisect.bisect_right(edges, x) - 1, 0), 39)] += 1
        density = [n / len(own) / ((high - low) / 40) for n in counts]
        for patch in (outline, fill):
            np.testing.assert_allclose(patch.get_data().values, density, atol=1e-9)
            np.testing.assert_allclose(patch.get_data().edges, edges)


def test_a_set_without_lists_has_spoof_beside_bona_fide(tmp_path):
    from antispoof.evaluation.scores import Trials
    from antispoof.report.figures import Scored, _histogram

    own = Trials(
        tmp_path, list("abcde"), np.arange(5.0), np.array([False, True, False, True, True])
    )
    run = type("Run", (), {"name": "x_seed1"})
    with pages.figures() as drawn:
        picture = _histogram(run, Scored(own, None), {"all": np.ones(5, bool)})
    labels = [patch.get_label() for patch in drawn[0][0].axes[0].patches if not patch.get_fill()]
    assert labels == ["bona fide (3)", "spoof (2)"]
    assert picture.alt == "Histogram of the scores of x_seed1 for bona fide, spoof"


def plain_bins(bonafide, spoof):
    """(mean P(bona fide), share of bona fide, trials) of each of fifteen bins (lo, hi] in use."""
    odds = len(bonafide) / len(spoof)
    p = [
        (1 / (1 + math.exp(-x) / odds), kind)
        for kind, own in enumerate((spoof, bonafide))
        for x in own
    ]
    bins = [[own for own in p if n / 15 < own[0] <= (n + 1) / 15] for n in range(15)]
    return [
        (sum(x for x, _ in own) / len(own), sum(hit for _, hit in own) / len(own), len(own))
        for own in bins
        if own
    ]


def test_reliability_shows_scores_before_and_after_calibration(shown):
    for figure, (system, seeds) in zip(shown.figures("calibration"), SCORED.items(), strict=True):
        (axes,) = figure.axes
        assert axes.get_title() == folder(system, seeds[0])
        assert axes.get_xlabel() == "P(bona fide) by the system"
        assert axes.get_ylabel() == "share of bona fide"
        assert axes.get_xlim() == (0, 1)
        assert axes.get_ylim() == (0, 1.02)
        assert [list(values) for values in axes.lines[0].get_data()] == [[0, 1], [0, 1]]
        wanted = {"scores as they are": "scores", "calibrated": "llr/scores"}
        parts = {words: trials(shown, system, seeds[0], name) for words, name in wanted.items()}
        parts = {f"{words}, ECE {plain_ece(*own):.3f}": own for words, own in parts.items() if own}
        assert list(pages.lines(axes)) == list(parts)
        assert len(parts) == (2 if system == "alpha" else 1)
        for (x, y), own, dots in zip(
            pages.lines(axes).values(), parts.values(), axes.collections, strict=True
        ):
            bins = plain_bins(*own)
            np.testing.assert_allclose(np.transpose([x, y]), [b[:2] for b in bins])
            np.testing.assert_allclose(dots.get_offsets(), [b[:2] for b in bins])
            areas = [4 + 60 * b[2] / 37 for b in bins]  # by the share of its trials
            np.testing.assert_allclose(dots.get_sizes(), areas)


def test_what_a_picture_of_scores_shows_is_said_in_words(shown):
    alts = [
        image["alt"] for key in ("det", "scores", "calibration") for image in shown.page[key].images
    ]
    lists = ("known", "unknown", "all")
    sizes = [[len(part) for part in trials(shown, ODD, 1, condition=name)] for name in lists]
    names = f"alpha, {ODD}"
    wanted = [
        f"DET curves of {names} on {c}: {b} bona fide, {s} spoof trials; lower left is better"
        for c, (b, s) in zip(lists, sizes, strict=True)
    ]
    groups = "bona fide, known, unknown"
    wanted.append(f"Histogram of the LLRs of alpha_seed2 for {groups}")
    wanted.append(f"Histogram of the scores of {ODD}_seed1 for {groups}")
    words = "P(bona fide) against the share that is bona fide"
    wanted += [f"Reliability diagram of {n}: {words}" for n in ("alpha_seed2", f"{ODD}_seed1")]
    assert alts == wanted


def test_a_bin_holds_its_upper_edge_as_that_of_the_calibration_error_does(monkeypatch):
    from antispoof.metrics import ece
    from antispoof.report import reliability

    monkeypatch.setattr(reliability, "posteriors", lambda *parts: parts)
    edges = np.linspace(0, 1, 16)
    p, share, size = reliability.curve(edges[1:5], edges[[0, 2, 3, 3, 15]])
    np.testing.assert_allclose(p, [edges[1] / 2, edges[2], edges[3], edges[4], 1])
    np.testing.assert_allclose(share, [1 / 2, 1 / 2, 1 / 3, 1, 0])
    assert list(size) == [2, 2, 3, 1, 1]
    gap = float(np.sum(size * abs(p - share)) / 9)
    assert ece(edges[1:5], edges[[0, 2, 3, 3, 15]]) == pytest.approx(gap)


def test_equal_scores_have_bins_around_them():
    from antispoof.report import plots

    with pages.figures() as drawn:
        plots.histogram({"bona fide": np.full(3, 2.0), "spoof": np.full(5, 2.0)}, "x", False)
    outline = drawn[0][0].axes[0].patches[1].get_data()
    assert [outline.edges[0], outline.edges[-1]] == [1, 3]
    assert outline.values.max() == pytest.approx(20)  # all within one of forty bins over 2
