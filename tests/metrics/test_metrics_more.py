"""Tandem metrics, hard decisions and calibration error."""

import numpy as np
import pytest
from plain_metrics import plain_curve, plain_eer, plain_t_eer

from antispoof import metrics


def asv_scores(rng, digits=2, sizes=(60, 70, 50)):
    means = (2, -1, 1)
    return [np.round(rng.normal(m, 1, n), digits) for m, n in zip(means, sizes, strict=True)]


def plain_asv(target, nontarget, spoof):
    threshold = plain_eer(target, nontarget)[1]
    return np.mean(nontarget >= threshold), np.mean(target < threshold), np.mean(spoof >= threshold)


def test_tdcf_follows_its_formulas():
    rng = np.random.default_rng(0)
    for _ in range(30):
        asv = asv_scores(rng)
        bonafide, spoof = np.round(rng.normal(1, 1, 40), 1), np.round(rng.normal(0, 1, 30), 1)
        frr, far = map(np.array, plain_curve(bonafide, spoof)[:2])
        fa, miss, spoof_fa = plain_asv(*asv)
        c1 = 0.9405 * (1 - miss) - 0.0095 * 10 * fa
        c2 = 10 * 0.05 * spoof_fa
        wanted = np.min(c1 * frr + c2 * far) / min(c1, c2)
        assert metrics.tdcf_2019(bonafide, spoof, *asv) == pytest.approx(wanted, abs=1e-12)
        c0 = 0.9405 * miss + 0.0095 * 10 * fa
        wanted = np.min(c0 + (0.9405 - c0) * frr + c2 * far) / (c0 + min(0.9405 - c0, c2))
        assert metrics.tdcf_2021(bonafide, spoof, *asv) == pytest.approx(wanted, abs=1e-12)


def test_tdcf_of_asvspoof5_by_hand():
    c0 = 0.9405 * 0.01880141010575793 + 0.0095 * 10 * 0.01881016557566423
    c2 = 0.5 * 0.4607082907604729
    perfect = metrics.tdcf_asvspoof5([3, 4], [1, 2])
    assert perfect == pytest.approx(c0 / (c0 + c2))  # what no countermeasure can mend
    assert metrics.tdcf_asvspoof5([1, 2], [3, 4]) == pytest.approx(1)


def test_tdcf_refuses_an_asv_upside_down():
    with pytest.raises(ValueError, match="right way up"):
        metrics.tdcf_2019([3, 4], [1, 2], np.arange(20) / 100, [5, 6], [7, 8, -9])


def test_a_dcf_is_its_sweep():
    rng = np.random.default_rng(1)
    paper = {"p_spoof": 0.05, "p_nontarget": 0.05, "p_target": 0.9, "c_fa_cm": 20}
    for _ in range(50):
        target, nontarget, spoof = asv_scores(rng, digits=1, sizes=rng.integers(2, 30, 3))
        thresholds = np.append(np.unique(np.concatenate([target, nontarget, spoof])), 99)
        for costs in ({}, paper):
            weights = {"p_spoof": 0.05, "p_nontarget": 0.0095, "p_target": 0.9405, "c_fa_cm": 10}
            weights.update(costs)
            fa, fa_spoof = 10 * weights["p_nontarget"], weights["c_fa_cm"] * weights["p_spoof"]
            sweep = [
                weights["p_target"] * np.mean(target < t)
                + fa * np.mean(nontarget >= t)
                + fa_spoof * np.mean(spoof >= t)
                for t in thresholds
            ]
            wanted = min(sweep) / min(fa + fa_spoof, weights["p_target"])
            assert metrics.a_dcf(target, nontarget, spoof, **costs) == pytest.approx(wanted)


def test_t_eer_is_its_search():
    rng = np.random.default_rng(2)
    for _ in range(40):
        sizes = rng.integers(5, 40, 3)
        asv = asv_scores(rng, 1, sizes)
        cm = [np.round(rng.normal(m, 1, n), 1) for m, n in zip((1, 1, 0), sizes, strict=True)]
        assert metrics.t_eer(*cm, *asv) == pytest.approx(plain_t_eer(*cm, *asv), abs=1e-12)


def test_classification_by_hand():
    got = metrics.classification([1, 2, -1, 0], [-1, -2, 3], threshold=0)
    assert (got["tp"], got["fn"], got["tn"], got["fp"]) == (2, 1, 3, 1)
    assert got["accuracy"] == pytest.approx(5 / 7)
    assert got["precision"] == pytest.approx(2 / 3)
    assert got["recall"] == got["sensitivity"] == pytest.approx(2 / 3)
    assert got["specificity"] == pytest.approx(3 / 4)
    assert got["f1"] == pytest.approx(2 / 3)
    assert got["mcc"] == pytest.approx((2 * 3 - 1 * 1) / np.sqrt(3 * 3 * 4 * 4))
    assert (got["positive"], got["threshold"]) == ("spoof", 0.0)
    nothing_caught = metrics.classification([1, 2], [1, 2])
    assert nothing_caught["precision"] == nothing_caught["mcc"] == 0.0


def test_ece_by_hand():
    # bins of 0.1, (lo, hi]: 0.25 and 0.3 share one with half bona fide, 0.95 stands alone
    bonafide, spoof = [0.3, 0.95], [0.25]
    wanted = (abs(0.55 - 1) + abs(0.95 - 1)) / 3
    assert metrics.ece(bonafide, spoof, bins=10) == pytest.approx(wanted)
    # confidences .7 (wrong), .95 (right), .75 (right)
    got = metrics.ece(bonafide, spoof, bins=10, kind="confidence")
    assert got == pytest.approx((0.7 + 0.05 + 0.25) / 3)
    assert metrics.ece([1.0, 1.0], [0.0]) == 0
    with pytest.raises(ValueError, match="1 of 3 values outside"):
        metrics.ece([2.0, 0.5], [0.5])
    with pytest.raises(ValueError, match="kind"):
        metrics.ece([0.5], [0.5], kind="other")
