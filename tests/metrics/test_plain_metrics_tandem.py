"""Tandem costs and the tandem EER against plain forms, on unequal sizes, ties and odd weights."""

import numpy as np
import pytest
from plain_metrics import plain_eer, plain_least, plain_t_eer

from antispoof import metrics
from antispoof.metrics import tandem


def asv_scores(seed, sizes, digits=1):
    rng = np.random.default_rng(seed)
    return [np.round(rng.normal(m, 1, n), digits) for m, n in zip((2, -1, 1), sizes, strict=True)]


def plain_rates(target, nontarget, spoof):
    """(accepted nontarget, missed target, accepted spoof) at the ASV's threshold of the EER."""
    threshold = plain_eer(target, nontarget)[1]
    return (
        sum(s >= threshold for s in nontarget) / len(nontarget),
        sum(s < threshold for s in target) / len(target),
        sum(s >= threshold for s in spoof) / len(spoof),
    )


def plain_tdcf(bonafide, spoof, rates, revised):
    """The formulas with every prior and cost by its own name, as the evaluation plans have them."""
    p_tar, p_non, p_spoof = 0.9405, 0.0095, 0.05
    c_miss, c_fa, c_fa_spoof, c_miss_cm, c_fa_cm = 1, 10, 10, 1, 10
    fa, miss, spoof_fa = rates
    if revised:
        c0 = p_tar * c_miss * miss + p_non * c_fa * fa
        c1 = p_tar * c_miss - c0
        c2 = p_spoof * c_fa_spoof * spoof_fa
    else:
        c0 = 0
        c1 = p_tar * (c_miss_cm - c_miss * miss) - p_non * c_fa * fa
        c2 = c_fa_cm * p_spoof * spoof_fa  # 1 - (1 - spoof_fa) of the spoofs
    return (c0 + plain_least(bonafide, spoof, c1, c2)) / (c0 + min(c1, c2))


@pytest.mark.parametrize("seed", range(12))
def test_tandem_costs_are_those_of_the_plans(seed):
    rng = np.random.default_rng(seed)
    asv = asv_scores(seed, rng.integers(8, 40, 3))
    bonafide = np.round(rng.normal(1, 1, 33), 1)
    spoof = np.round(rng.normal(0, 1, 21), 1)
    rates = plain_rates(*asv)
    assert tandem.asv_rates(*asv) == pytest.approx(rates, abs=1e-15)
    wanted = plain_tdcf(bonafide, spoof, rates, revised=False)
    assert metrics.tdcf_2019(bonafide, spoof, *asv) == pytest.approx(wanted, abs=1e-12)
    wanted = plain_tdcf(bonafide, spoof, rates, revised=True)
    assert metrics.tdcf_2021(bonafide, spoof, *asv) == pytest.approx(wanted, abs=1e-12)
    fixed = 0.01881016557566423, 0.01880141010575793, 0.4607082907604729
    wanted = plain_tdcf(bonafide, spoof, fixed, revised=True)
    assert metrics.tdcf_asvspoof5(bonafide, spoof) == pytest.approx(wanted, abs=1e-12)


def test_an_asv_threshold_accepts_at_its_own_score():
    # walk t1 n1 t2 n2 t3 n3: frr 1/3 after t1, far 2/3 after n1; they meet at 2/3 after t2
    rates = tandem.asv_rates([1, 2, 3], [1, 2, 3], [1, 2, 2, 5])
    assert rates == pytest.approx((2 / 3, 1 / 3, 3 / 4))
    assert all(type(rate) is float for rate in rates)


@pytest.mark.parametrize("weights", [(0.0, 0.7, 0.2), (0.3, 0.1, 0.9), (0.25, 0.4, 0.25)])
def test_the_normalised_cost_has_its_floor_and_divides_by_the_better_default(weights):
    rng = np.random.default_rng(5)
    c0, c1, c2 = weights
    for _ in range(20):
        bonafide, spoof = np.round(rng.normal(1, 1, 17), 1), np.round(rng.normal(0, 1, 29), 1)
        wanted = (c0 + plain_least(bonafide, spoof, c1, c2)) / (c0 + min(c1, c2))
        assert tandem._tdcf(bonafide, spoof, *weights) == pytest.approx(wanted, abs=1e-12)


def test_weights_that_are_no_costs_are_refused_and_a_floor_of_0_is_not():
    for weights in ((0.1, -0.1, 0.5), (0.1, 0.5, -1e-9), (0.0, 0.0, 0.5), (0.0, 0.5, 0.0)):
        with pytest.raises(ValueError, match="t-DCF weights"):
            tandem._tdcf([1, 2], [0, 1], *weights)
    assert tandem._tdcf([1, 2], [0, 1], 0.2, 0.0, 0.5) == 1  # nothing is worth to be rejected
    assert tandem._tdcf([2, 3], [0, 1], 0.2, 0.3, 0.5) == pytest.approx(0.2 / 0.5)


def plain_a_dcf(target, nontarget, spoof, costs):
    sweep = []
    for t in [*target, *nontarget, *spoof, np.inf]:
        missed = sum(s < t for s in target) / len(target)
        accepted = sum(s >= t for s in nontarget) / len(nontarget)
        spoofed = sum(s >= t for s in spoof) / len(spoof)
        sweep.append(
            costs["c_miss"] * costs["p_target"] * missed
            + costs["c_fa_asv"] * costs["p_nontarget"] * accepted
            + costs["c_fa_cm"] * costs["p_spoof"] * spoofed
        )
    accept_all = costs["c_fa_asv"] * costs["p_nontarget"] + costs["c_fa_cm"] * costs["p_spoof"]
    return min(sweep) / min(accept_all, costs["c_miss"] * costs["p_target"])


NAMES = ("p_spoof", "p_nontarget", "p_target", "c_miss", "c_fa_asv", "c_fa_cm")
STANDARD = dict(zip(NAMES, (0.05, 0.0095, 0.9405, 1, 10, 10), strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_a_dcf_is_its_sweep_for_all_costs_and_priors(seed):
    rng = np.random.default_rng(seed)
    off = dict(zip(NAMES, (0.2, 0.11, 0.69, 1.7, 4, 13), strict=True))
    cheap = dict(zip(NAMES, (0.3, 0.3, 0.4, 0.5, 7, 2), strict=True))
    alone = [{**STANDARD, name: value} for name, value in off.items()]
    for costs in (STANDARD, off, cheap, *alone):
        for _ in range(6):
            parts = asv_scores(int(rng.integers(1 << 30)), rng.integers(2, 25, 3))
            got = metrics.a_dcf(*parts, **costs)
            assert got == pytest.approx(plain_a_dcf(*parts, costs), abs=1e-12)
            if costs is STANDARD:
                assert metrics.a_dcf(*parts) == got


def plain_asv_points(target, nontarget, spoof):
    walk = [(s, kind) for kind, part in enumerate((target, nontarget, spoof)) for s in part]
    points, below = [(0.0, 1.0, 1.0)], [0, 0, 0]
    for _, kind in sorted(walk):
        below[kind] += 1
        points.append(
            (
                below[0] / len(target),
                1 - below[1] / len(nontarget),
                1 - below[2] / len(spoof),
            )
        )
    return list(zip(*points, strict=True))


def test_asv_curves_walk_target_nontarget_spoof_one_by_one():
    for seed in range(10):
        parts = asv_scores(seed, (9, 14, 6))
        found = tandem.asv_curves(*parts)
        for got, wanted in zip(found, plain_asv_points(*parts), strict=True):
            np.testing.assert_allclose(got, wanted, atol=1e-15)


def test_the_first_of_equal_gaps_counts_for_the_tandem_eer():
    """Sizes that are powers of two: no rate is rounded, and gaps are equal where they look so."""
    rng = np.random.default_rng(3)
    for _ in range(150):
        asv = [np.round(rng.normal(m, 1.5, 1 << rng.integers(1, 4)), 1) for m in (2, -1, 1)]
        sizes = (1 << k for k in rng.integers(1, 4, 2))
        target, spoof = (
            rng.integers(0, 9, size) / 2 + m for m, size in zip((1, 0), sizes, strict=True)
        )
        cm = target[::2], target[1::2], spoof
        wanted = plain_t_eer(*cm, *asv)
        if wanted is not None:
            assert metrics.t_eer(*cm, *asv) == wanted


def test_tandem_eer_of_a_perfect_pair_and_of_none():
    target, nontarget = [4.0, 5, 6, 7], [-1.0, 0, 1]
    assert metrics.t_eer([3, 4], [5], [1, 2], target, nontarget, target) == 0
    with pytest.raises(ValueError, match="no concurrent point"):
        # the ASV passes all or no target, and the countermeasure rejects its bona fide trial first
        metrics.t_eer([0], [], [1, 2], [-5.0], [0.0, 1], [0.0, 1])


@pytest.mark.parametrize("place", range(3))
def test_refusals_name_the_asv_class(place):
    words = ("ASV target", "ASV nontarget", "ASV spoof")
    asv = [[3.0, 4], [0.0, 1], [2.0, 3]]
    asv[place] = [np.nan, 1]
    for metric in (metrics.tdcf_2019, metrics.tdcf_2021):
        with pytest.raises(ValueError, match=f"{words[place]} scores: found 1 NaN"):
            metric([1, 2], [0, 1], *asv)
    with pytest.raises(ValueError, match=f"{words[place]} scores: found 1 NaN"):
        metrics.t_eer([1, 2], [1, 3], [0, 1], *asv)
    with pytest.raises(ValueError, match="target, |scores: found 1 NaN"):
        metrics.a_dcf(*asv)
    for constant in (metrics.a_dcf, tandem.asv_curves):
        with pytest.raises(ValueError, match="1 distinct value among 4 trials"):
            constant([2, 2], [2], [2])
