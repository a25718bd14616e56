"""Metrics against values worked out by hand, laws, and a plain transcription of the formulas."""

import numpy as np
import pytest
from plain_metrics import plain_curve, plain_eer, plain_least

from antispoof import metrics

RANKING = (metrics.eer, metrics.min_dcf, metrics.min_cllr, metrics.auc, metrics.eer_threshold)
JUDGING = (metrics.act_dcf, metrics.cllr, metrics.classification)


def tie_heavy_sets(count, seed=0):
    rng = np.random.default_rng(seed)
    while count:
        nb, ns = rng.integers(1, 25, 2)
        levels = rng.integers(2, 40)
        bonafide = rng.integers(0, levels, nb) / 4
        spoof = rng.integers(0, levels, ns) / 4 - rng.integers(0, 3)
        if np.ptp(np.concatenate([bonafide, spoof])) > 0:
            count -= 1
            yield bonafide, spoof


def test_eer_by_hand():
    # sorted: s1 s2 b3 s4 b5 b6; after s4: frr 1/3, far 0; after b3: frr 1/3, far 1/3
    assert metrics.eer([3, 5, 6], [1, 2, 4]) == pytest.approx(1 / 3)
    assert metrics.eer_threshold([3, 5, 6], [1, 2, 4]) == 3
    # no error: after the last spoof trial both rates are 0
    assert metrics.eer([3, 4], [1, 2]) == 0
    assert metrics.eer_threshold([3, 4], [1, 2]) == 2
    assert metrics.eer([1, 2], [3, 4]) == 1
    # points b1 (1/2, 1) s1 (1/2, 2/3) s1 (1/2, 1/3) ...: the first of two gaps of 1/6 counts
    assert metrics.eer([1, 2], [1, 1, 2]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_costs_by_hand():
    # sorted: s1 s2 b3 s4 b5 b6; 1.9 frr + far: 1, 2/3, 1/3 after s2, then 1.9/3 + 1/3, 1.9/3
    assert metrics.min_dcf([3, 5, 6], [1, 2, 4]) == pytest.approx(1 / 3)
    assert metrics.min_dcf_threshold([3, 5, 6], [1, 2, 4]) == 2
    assert metrics.min_dcf([3, 5, 6], [1, 2, 4], p_spoof=0.5, c_fa=1) == pytest.approx(1 / 3)
    assert metrics.bayes_threshold() == pytest.approx(-0.6418538861723947, abs=1e-16)
    # accepted from -ln 1.9 on: one of two bona fide missed, one of four spoof accepted
    spoof = [-0.7, -5, metrics.bayes_threshold(), -9]
    assert metrics.act_dcf([-0.65, 1], spoof) == pytest.approx(1.9 / 2 + 1 / 4)
    assert metrics.act_dcf([-9, -9.5], [9, 8]) == pytest.approx(2.9)
    assert metrics.min_dcf([-9, -9.5], [9, 8]) == 1


def test_cllr_and_auc_by_hand():
    ln3 = np.log(3)  # log2(1 + 1/3) for both classes
    assert metrics.cllr([ln3], [-ln3]) == pytest.approx(np.log2(4 / 3))
    assert metrics.cllr([1000.0], [1000.0]) == pytest.approx(500 / np.log(2))
    assert metrics.cllr([-1e6], [-1e6]) == pytest.approx(5e5 / np.log(2))
    assert metrics.auc([2, 3], [1, 2]) == pytest.approx(3.5 / 4)
    # PAV blocks {s}, {b s} and {b}: only the middle one costs, 1/2 log2(2) for each class
    assert metrics.min_cllr([2, 3], [1, 2]) == pytest.approx(0.5)
    assert metrics.min_cllr([3, 4], [1, 2]) == 0


@pytest.mark.parametrize("seed", range(4))
def test_same_as_the_plain_transcription(seed):
    for bonafide, spoof in tie_heavy_sets(400, seed):
        eer, threshold = plain_eer(bonafide, spoof)
        assert metrics.eer(bonafide, spoof) == eer
        assert metrics.eer_threshold(bonafide, spoof) == threshold
        least = plain_least(bonafide, spoof, 1.9, 1)
        assert metrics.min_dcf(bonafide, spoof) == pytest.approx(least, abs=1e-12)
        for got, wanted in zip(
            metrics.det_curve(bonafide, spoof), plain_curve(bonafide, spoof), strict=True
        ):
            np.testing.assert_array_equal(got, wanted)


def test_large_sets_use_bounds_without_harm():
    rng = np.random.default_rng(1)
    for digits in (1, 3, 12):
        bonafide = np.round(rng.normal(1, 1, 4000), digits)
        spoof = np.round(rng.normal(0, 1, 9000), digits)
        assert metrics.eer(bonafide, spoof) == plain_eer(bonafide, spoof)[0]
        for p_spoof in (0.001, 0.05, 0.9):
            miss, fa = 1 - p_spoof, p_spoof * 10
            least = plain_least(bonafide, spoof, miss, fa) / min(miss, fa)
            got = metrics.min_dcf(bonafide, spoof, p_spoof=p_spoof)
            assert got == pytest.approx(least, abs=1e-12)


def test_laws():
    rng = np.random.default_rng(2)
    for nb, ns in ((5, 9), (300, 400), (1000, 50)):
        bonafide, spoof = rng.normal(1, 1, nb), rng.normal(0, 1, ns)
        eer = metrics.eer(bonafide, spoof)
        for rising in (np.exp, np.arctan, lambda x: 3 * x - 7):
            assert metrics.eer(rising(bonafide), rising(spoof)) == eer
            assert metrics.min_cllr(rising(bonafide), rising(spoof)) == pytest.approx(
                metrics.min_cllr(bonafide, spoof)
            )
        assert metrics.eer(spoof, bonafide) == pytest.approx(1 - eer)  # swapped labels
        assert metrics.eer(-bonafide, -spoof) == pytest.approx(1 - eer)  # flipped sign
        assert metrics.auc(spoof, bonafide) == pytest.approx(1 - metrics.auc(bonafide, spoof))
        assert metrics.min_dcf(bonafide, spoof) <= metrics.act_dcf(bonafide, spoof) + 1e-12
        assert metrics.min_dcf(bonafide, spoof) <= 1
        assert metrics.min_cllr(bonafide, spoof) <= metrics.cllr(bonafide, spoof)
        assert metrics.min_cllr(bonafide, spoof) <= 1


def test_saying_nothing():
    zeros, more = np.zeros(7), np.zeros(3)
    assert metrics.cllr(zeros, more) == 1
    assert metrics.act_dcf(zeros, more) == 1
    assert metrics.detection.eer_sorted(zeros, more) == 1  # the official walk through one tie


def test_order_of_trials_is_nothing():
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.integers(0, 9, 80) * 1.0, rng.integers(0, 7, 90) * 1.0
    wanted = [metric(bonafide, spoof) for metric in RANKING]
    rng.shuffle(bonafide)
    kept = bonafide.copy()
    assert [metric(bonafide, rng.permutation(spoof)) for metric in RANKING] == wanted
    np.testing.assert_array_equal(bonafide, kept)  # input is not sorted in place


@pytest.mark.parametrize("metric", [*RANKING, *JUDGING])
@pytest.mark.parametrize(
    ("bonafide", "spoof", "words"),
    [
        ([], [1, 2], "found 0 trials"),
        ([1, 2], [], "found 0 trials"),
        ([1, np.nan, np.nan], [1, 2], "2 NaN and 0 infinite among 3"),
        ([1, 2], [1, -np.inf], "0 NaN and 1 infinite among 2"),
        ([[1, 2]], [1, 2], "one dimension"),
    ],
)
def test_bad_scores_are_refused_with_the_count(metric, bonafide, spoof, words):
    with pytest.raises(ValueError, match=words):
        metric(bonafide, spoof)


@pytest.mark.parametrize("metric", RANKING)
def test_constant_scores_are_refused(metric):
    with pytest.raises(ValueError, match="1 distinct value among 5 trials"):
        metric([2, 2], [2, 2, 2])


def test_bad_costs_are_refused():
    with pytest.raises(ValueError, match="p_spoof"):
        metrics.min_dcf([1, 2], [0, 1], p_spoof=1)
    with pytest.raises(ValueError, match="c_fa"):
        metrics.act_dcf([1, 2], [0, 1], c_fa=0)


def test_the_interpolated_eer_by_hand():
    # above 2 and up to 3: frr 1/3, far 1/2 -> 0; the lines cross at frr 1/3, where the official
    # walk takes the mean of 1/3 and 1/2
    assert metrics.eer_interpolated([1, 3, 4], [0, 2]) == pytest.approx(1 / 3)
    assert metrics.eer([1, 3, 4], [0, 2]) == pytest.approx(5 / 12)
    # the tie at 1 is passed at once: from (0, 1/2) to (1/2, 0), which meet in the middle
    assert metrics.eer_interpolated([1, 2], [0, 1]) == pytest.approx(1 / 4)
    assert metrics.eer_interpolated([3, 4], [1, 2]) == 0
    assert metrics.eer_interpolated([1, 2], [3, 4]) == 1
    with pytest.raises(ValueError, match="1 distinct value"):
        metrics.eer_interpolated([1, 1], [1])


def test_the_interpolated_eer_is_what_brentq_finds_on_the_roc_of_scikit_learn():
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(3)
    for digits in (0, 1, 8):
        for _ in range(20):
            bonafide = np.round(rng.normal(1, 1, rng.integers(2, 60)), digits)
            spoof = np.round(rng.normal(0, 1, rng.integers(2, 60)), digits)
            labels = np.arange(bonafide.size + spoof.size) < bonafide.size
            fpr, tpr, _ = roc_curve(labels, np.concatenate([bonafide, spoof]))
            line = interp1d(fpr, tpr)
            wanted = brentq(lambda x, line=line: 1 - x - line(x), 0, 1)
            assert metrics.eer_interpolated(bonafide, spoof) == pytest.approx(wanted, abs=1e-9)
