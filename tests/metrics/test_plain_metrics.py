"""Every metric of detection, ratios and decisions against a plain form, off its defaults."""

import numpy as np
import pytest
from plain_metrics import (
    plain_act_dcf,
    plain_auc,
    plain_cllr,
    plain_curve,
    plain_eer,
    plain_min_cllr,
    plain_min_dcf,
    plain_pav,
    plain_weights,
)

from antispoof import metrics
from antispoof.evaluation import logistic
from antispoof.metrics import checks

COSTS = (
    {},
    {"p_spoof": 0.3, "c_miss": 2.0, "c_fa": 7.0},
    {"p_spoof": 0.6, "c_miss": 5.0, "c_fa": 0.5},
    {"p_spoof": 0.02, "c_miss": 0.4, "c_fa": 3.0},
)


def sets(count, seed, digits=1):
    """Unequal sizes, ties within and between the classes, overlap."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        nb, ns = rng.integers(2, 30, 2)
        bonafide = np.round(rng.normal(0.7, 1, nb), digits)
        spoof = np.round(rng.normal(-0.5, 1.3, ns), digits)
        bonafide[0] = 3
        yield bonafide, spoof


@pytest.mark.parametrize("costs", COSTS)
def test_costs_of_every_prior_and_price_are_those_of_the_plain_form(costs):
    for bonafide, spoof in sets(40, 1):
        wanted = plain_min_dcf(bonafide, spoof, **costs)
        assert metrics.min_dcf(bonafide, spoof, **costs) == pytest.approx(wanted, abs=1e-12)
        wanted = plain_act_dcf(bonafide, spoof, **costs)
        assert metrics.act_dcf(bonafide, spoof, **costs) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("costs", COSTS)
def test_the_threshold_of_the_least_cost_costs_the_least_and_is_the_first(costs):
    miss, fa = plain_weights(**costs)
    for bonafide, spoof in sets(40, 2):
        frr, far, thresholds = plain_curve(bonafide, spoof)
        values = [miss * a + fa * b for a, b in zip(frr, far, strict=True)]
        found = metrics.min_dcf_threshold(bonafide, spoof, **costs)
        least = [t for v, t in zip(values, thresholds, strict=True) if v < min(values) + 1e-9]
        assert found in least
        nb, ns = (1 << int(np.log2(part.size)) for part in (bonafide, spoof))
        exact = bonafide[:nb], spoof[:ns]  # with even costs no number is rounded: the first counts
        frr, far, thresholds = plain_curve(*exact)
        values = [a + b for a, b in zip(frr, far, strict=True)]
        found = metrics.min_dcf_threshold(*exact, p_spoof=0.5, c_fa=1)
        assert found == thresholds[values.index(min(values))]


def test_a_decision_at_the_bayes_threshold_is_to_accept():
    for costs in COSTS:
        miss, fa = plain_weights(**costs)
        threshold = metrics.bayes_threshold(**costs)
        assert threshold == pytest.approx(np.log(fa / miss))  # odds of bona fide at the border
        least = min(miss, fa)
        assert metrics.act_dcf([threshold], [threshold], **costs) == pytest.approx(fa / least)
        below = np.nextafter(threshold, -np.inf)
        assert metrics.act_dcf([below], [below], **costs) == pytest.approx(miss / least)


@pytest.mark.parametrize("name", ["p_spoof", "c_miss", "c_fa"])
@pytest.mark.parametrize("value", [0, -0.5])
def test_a_cost_or_a_prior_of_nothing_is_refused(name, value):
    for metric in (metrics.min_dcf, metrics.act_dcf, metrics.min_dcf_threshold):
        with pytest.raises(ValueError, match=f"{name} {value}"):
            metric([1, 2], [0, 1], **{name: value})
    with pytest.raises(ValueError, match="0 < p_spoof < 1"):
        metrics.bayes_threshold(p_spoof=1.5)


def test_the_standard_costs_are_those_of_asvspoof5():
    assert dict(metrics.COSTS) == {"p_spoof": 0.05, "c_miss": 1, "c_fa": 10}
    for bonafide, spoof in sets(10, 3):
        for metric in (metrics.min_dcf, metrics.act_dcf, metrics.min_dcf_threshold):
            assert metric(bonafide, spoof) == metric(bonafide, spoof, **metrics.COSTS)
    assert metrics.bayes_threshold() == metrics.bayes_threshold(**metrics.COSTS)


@pytest.mark.parametrize("seed", range(3))
def test_ranking_metrics_are_those_of_the_plain_form(seed):
    for bonafide, spoof in sets(40, 10 + seed):
        eer, threshold = plain_eer(bonafide, spoof)
        assert metrics.eer(bonafide, spoof) == eer
        assert metrics.detection.eer_sorted(np.sort(bonafide), np.sort(spoof)) == eer
        assert metrics.eer_threshold(bonafide, spoof) == threshold
        assert metrics.auc(bonafide, spoof) == pytest.approx(plain_auc(bonafide, spoof))
        wanted = plain_min_cllr(bonafide, spoof)
        assert metrics.min_cllr(bonafide, spoof) == pytest.approx(wanted, abs=1e-12)
        assert metrics.cllr(bonafide, spoof) == pytest.approx(plain_cllr(bonafide, spoof))


def test_the_blocks_of_pav_and_their_ratios_are_those_of_the_plain_form():
    for bonafide, spoof in sets(40, 4):
        blocks = plain_pav(bonafide, spoof)
        found = metrics.llr.pav_counts(np.sort(bonafide), np.sort(spoof))
        assert [list(map(float, row)) for row in zip(*found, strict=True)] == [
            [b, s, low] for low, b, s in blocks
        ]
        thresholds, llr = logistic.pav(bonafide, spoof)  # sorts by itself
        with np.errstate(divide="ignore"):
            wanted = [
                np.log(np.float64(b) / len(bonafide)) - np.log(np.float64(s) / len(spoof))
                for _, b, s in blocks
            ]
        np.testing.assert_allclose(llr, wanted, atol=1e-12)
        assert list(thresholds) == [low for low, _, _ in blocks]


def test_the_soft_plus_is_its_formula_and_does_not_overflow():
    x = np.linspace(-30, 30, 121)
    np.testing.assert_allclose(metrics.llr.softplus(x), np.logaddexp(0, x), rtol=1e-12)
    np.testing.assert_array_equal(metrics.llr.softplus(np.array([-1e5, 1e5])), [0, 1e5])


def plain_decisions(bonafide, spoof, threshold):
    tp = sum(s < threshold for s in spoof)
    tn = sum(b >= threshold for b in bonafide)
    fn, fp = len(spoof) - tp, len(bonafide) - tn
    precision, recall = tp / (tp + fp) if tp + fp else 0, tp / (tp + fn)
    said = [1] * fp + [0] * tn + [1] * tp + [0] * fn  # 1: spoof
    true = [0] * len(bonafide) + [1] * len(spoof)
    return {
        **{"tp": tp, "fn": fn, "tn": tn, "fp": fp, "precision": precision},
        **{"recall": recall, "sensitivity": recall, "specificity": tn / (tn + fp)},
        "accuracy": (tp + tn) / len(true),
        "f1": 2 * precision * recall / (precision + recall) if tp else 0,
        "mcc": np.corrcoef(said, true)[0, 1] if 0 < sum(said) < len(said) else 0,
        **{"positive": "spoof", "threshold": threshold},
    }


@pytest.mark.parametrize("threshold", [-0.8, 0.0, 0.5, 3.1, -9.0])
def test_decisions_are_counted_one_by_one(threshold):
    for bonafide, spoof in sets(40, 5):
        got = metrics.classification(bonafide, spoof, threshold=threshold)
        wanted = plain_decisions(bonafide, spoof, threshold)
        assert got == pytest.approx(wanted) and got.keys() == wanted.keys()
        assert type(got["tn"]) is int and type(got["fp"]) is int
    assert metrics.classification([0], [0]) == metrics.classification([0], [0], threshold=0)


def plain_ece(bonafide, spoof, bins, confidence):
    cells = [[] for _ in range(bins)]
    for p, is_bonafide in [(p, True) for p in bonafide] + [(p, False) for p in spoof]:
        hit = is_bonafide
        if confidence:
            p, hit = (p, is_bonafide) if p >= 0.5 else (1 - p, not is_bonafide)
        edges = [i / bins for i in range(bins + 1)]
        cell = next(i for i in range(bins) if p <= edges[i + 1] or i == bins - 1)
        cells[cell].append((p, hit))
    count = len(bonafide) + len(spoof)
    gaps = [
        len(c) / count * abs(sum(p for p, _ in c) - sum(h for _, h in c)) / len(c)
        for c in cells
        if c
    ]
    return sum(gaps)


@pytest.mark.parametrize("bins", [1, 4, 8, 15])
@pytest.mark.parametrize("kind", ["reliability", "confidence"])
def test_calibration_error_is_that_of_the_plain_bins_with_closed_upper_edges(bins, kind):
    rng = np.random.default_rng(6)
    for _ in range(40):
        nb, ns = rng.integers(1, 20, 2)
        bonafide, spoof = rng.beta(3, 2, nb), rng.beta(2, 3, ns)
        if bins in (4, 8):  # numbers that are exact in binary: on the edges, ends and .5 included
            bonafide, spoof = np.round(bonafide * 8) / 8, np.round(spoof * 8) / 8
        got = metrics.ece(bonafide, spoof, bins=bins, kind=kind)
        wanted = plain_ece(bonafide, spoof, bins, kind == "confidence")
        assert got == pytest.approx(wanted, abs=1e-12)
        if bins == 15:
            assert metrics.ece(bonafide, spoof, kind=kind) == got
        if kind == "reliability":
            assert metrics.ece(bonafide, spoof, bins=bins) == got


def test_probabilities_end_at_0_and_1():
    assert metrics.ece([1.0, 0.0], [0.0, 1.0]) == 0.5  # the bins 0 and 1 are half wrong
    for bad in (-1e-9, 1 + 1e-9):
        with pytest.raises(ValueError, match="found 2 of 3 values outside"):
            metrics.ece([0.5, bad], [bad])


def test_refusals_name_the_class_and_what_was_found():
    for bad, words in (([np.nan, np.inf, 1], "1 NaN and 1 infinite among 3"), ([], "0 trials")):
        for metric in (metrics.eer, metrics.cllr, metrics.ece, metrics.det_curve):
            with pytest.raises(ValueError, match=f"bona fide scores: found {words}"):
                metric(bad, [0, 1])
            with pytest.raises(ValueError, match=f"spoof scores: found {words}"):
                metric([0, 1], bad)
    with pytest.raises(ValueError, match="bona fide scores.*shape"):
        checks.checked_trials(3.0, [1, 2])
    with pytest.raises(ValueError, match=r"found 1 distinct value among 3 trials \(-2.5\)"):
        checks.sorted_trials([-2.5, -2.5], [-2.5])


def test_sorted_trials_are_ascending_and_the_input_stays():
    bonafide, spoof = np.array([3.0, 1, 2]), np.array([0.0, 5, 5])
    found = checks.sorted_trials(bonafide, spoof)
    assert [part.tolist() for part in found] == [[1, 2, 3], [0, 5, 5]]
    assert bonafide.tolist() == [3, 1, 2]
    again = checks.sorted_trials(*found)
    assert again[0] is found[0] and again[1] is found[1]  # no copy of what is sorted
    assert [part.tolist() for part in checks.checked_trials(bonafide, spoof)] == [
        [3, 1, 2],
        [0, 5, 5],
    ]
